// Hands the microphone's samples over, a tenth of a second at a time.
class Samples extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Float32Array(Math.round(sampleRate / 10));
    this.filled = 0;
  }

  process([channels]) {
    const samples = channels[0] ?? [];
    for (let at = 0; at < samples.length; at += 1) {
      this.block[this.filled] = samples[at];
      this.filled += 1;
      if (this.filled === this.block.length) {
        this.port.postMessage(this.block.slice());
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor('samples', Samples);
