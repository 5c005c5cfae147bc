// The camera for the live check: front or rear, and small unmirrored JPEGs of what it sees.

const LONG_SIDE = 320; // pixels
const QUALITY = 0.7;

export class FaceCamera {
  facing = "user";
  #video;
  #onStop;
  #track = null;
  #canvas = document.createElement("canvas");

  /** `onStop()` when the camera ends by itself. */
  constructor(video, onStop) {
    this.#video = video;
    this.#onStop = onStop;
  }

  /** Begin. Throws an Error whose message is insecure, denied, no-camera or busy. */
  async start() {
    if (!navigator.mediaDevices?.getUserMedia) throw new Error(isSecureContext ? "no-camera" : "insecure");
    this.stop();
    const video = { facingMode: { ideal: this.facing }, width: { ideal: 640 }, height: { ideal: 480 } };
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
    } catch (error) {
      throw new Error(reasonOf(error));
    }
    const track = stream.getVideoTracks()[0];
    this.#track = track;
    track.addEventListener("ended", () => track === this.#track && this.#onStop());
    this.#video.srcObject = stream;
    await this.#video.play().catch(() => {});
  }

  stop() {
    this.#track?.stop();
    this.#track = null;
    this.#video.srcObject = null;
  }

  get isOn() {
    return this.#track !== null;
  }

  /** What the camera sees now, as a JPEG; null while it shows nothing. */
  frame() {
    const { videoWidth, videoHeight } = this.#video;
    if (!this.#track || !videoWidth) return Promise.resolve(null);
    const scale = Math.min(1, LONG_SIDE / Math.max(videoWidth, videoHeight));
    this.#canvas.width = Math.round(videoWidth * scale);
    this.#canvas.height = Math.round(videoHeight * scale);
    this.#canvas.getContext("2d").drawImage(this.#video, 0, 0, this.#canvas.width, this.#canvas.height);
    return new Promise((resolve) => this.#canvas.toBlob(resolve, "image/jpeg", QUALITY));
  }
}

function reasonOf(error) {
  if (error.name === "NotAllowedError" || error.name === "SecurityError") return "denied";
  return error.name === "NotReadableError" || error.name === "AbortError" ? "busy" : "no-camera";
}
