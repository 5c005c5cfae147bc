// The back camera: frames for the reader, light, and rest while nobody looks.

const LONG_SIDE = 640; // pixels: enough for a code that fills a third of the picture
const PAUSE = 110; // ms from one reading to the next: 9 a second

export class Camera {
  #video;
  #read;
  #onText;
  #onStop;
  #track = null;
  #resting = false;
  #run = 0;
  #canvas = document.createElement("canvas");

  /** `onText(text)` for every reading; `onStop(reason)` when the camera ends by itself. */
  constructor(video, read, { onText, onStop }) {
    this.#video = video;
    this.#read = read;
    this.#onText = onText;
    this.#onStop = onStop;
    document.addEventListener("visibilitychange", () => this.#onVisibility());
  }

  /** Begin. Throws an Error whose message is insecure, denied, no-camera or busy. */
  async start() {
    if (!navigator.mediaDevices?.getUserMedia) throw new Error(isSecureContext ? "no-camera" : "insecure");
    const run = ++this.#run;
    const video = { facingMode: { ideal: "environment" }, width: { ideal: 1280 }, height: { ideal: 960 } };
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
    } catch (error) {
      throw new Error(reasonOf(error));
    }
    if (run !== this.#run) return stream.getTracks().forEach((track) => track.stop());
    this.#track = stream.getVideoTracks()[0];
    this.#track.addEventListener("ended", () => run === this.#run && this.#onStop("stopped"));
    this.#video.srcObject = stream;
    await this.#video.play().catch(() => {}); // some browsers refuse until a tap; `autoplay` was asked for anyway
    this.#loop(run);
  }

  stop() {
    this.#run++;
    this.#track?.stop();
    this.#track = null;
    this.#video.srcObject = null;
  }

  /** While a result is shown nothing is read. */
  rest(resting) {
    this.#resting = resting;
  }

  get hasTorch() {
    return Boolean(this.#track?.getCapabilities?.().torch);
  }

  async torch(on) {
    await this.#track?.applyConstraints({ advanced: [{ torch: on }] });
  }

  async #onVisibility() {
    if (document.hidden && this.#track) {
      this.stop();
    } else if (!document.hidden && !this.#track && this.#run) {
      await this.start().then(() => this.#onStop(null), (error) => this.#onStop(error.message));
    }
  }

  async #loop(run) {
    while (run === this.#run) {
      const begun = performance.now();
      if (!this.#resting && this.#video.videoWidth) {
        const text = await this.#read(this.#frame()).catch(() => null);
        if (text && run === this.#run && !this.#resting) this.#onText(text);
      }
      await new Promise((resolve) => setTimeout(resolve, Math.max(20, PAUSE - (performance.now() - begun))));
    }
  }

  #frame() {
    const { videoWidth, videoHeight } = this.#video;
    const scale = Math.min(1, LONG_SIDE / Math.max(videoWidth, videoHeight));
    const width = Math.round(videoWidth * scale);
    const height = Math.round(videoHeight * scale);
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    const context = this.#canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(this.#video, 0, 0, width, height);
    return context.getImageData(0, 0, width, height);
  }
}

function reasonOf(error) {
  if (error.name === "NotAllowedError" || error.name === "SecurityError") return "denied";
  return error.name === "NotReadableError" || error.name === "AbortError" ? "busy" : "no-camera";
}
