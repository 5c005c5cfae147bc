// Loads a page again until what it waits for is there.
const SECONDS = 2;

setTimeout(() => location.reload(), SECONDS * 1000);
