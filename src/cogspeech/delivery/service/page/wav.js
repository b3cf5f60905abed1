// Recording in the browser: raw samples from the microphone, written as 16-bit mono WAV.

const HEADER_BYTES = 44;

/** 16-bit PCM, mono. */
export function wavOf(blocks, rateHz) {
  const count = blocks.reduce((sum, block) => sum + block.length, 0);
  const view = new DataView(new ArrayBuffer(HEADER_BYTES + 2 * count));
  const text = (at, letters) => [...letters].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  text(0, 'RIFF');
  view.setUint32(4, HEADER_BYTES - 8 + 2 * count, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, rateHz, true);
  view.setUint32(28, 2 * rateHz, true); // bytes per second
  view.setUint16(32, 2, true); // bytes per frame
  view.setUint16(34, 16, true); // bits per sample
  text(36, 'data');
  view.setUint32(40, 2 * count, true);
  let at = HEADER_BYTES;
  for (const block of blocks) {
    for (const sample of block) {
      view.setInt16(at, Math.round(Math.max(-1, Math.min(1, sample)) * 32767), true);
      at += 2;
    }
  }
  return new Blob([view], {type: 'audio/wav'});
}

/**
 * Starts to record.
 *
 * @param {number} rateHz of the file; the browser resamples the microphone.
 * @param {function(number): void} onLevel is told the loudest sample of each block, 0 to 1.
 * @returns {Promise<{stop: function(): Promise<Blob>}>}
 */
export async function record(rateHz, onLevel) {
  // A browser that cleans the sound up for calls changes what the model is to hear.
  const plain = {echoCancellation: false, noiseSuppression: false, autoGainControl: false};
  const stream = await navigator.mediaDevices.getUserMedia({audio: {...plain, channelCount: 1}});
  const context = new AudioContext({sampleRate: rateHz});
  await context.audioWorklet.addModule('/static/wav_worklet.js');
  const node = new AudioWorkletNode(context, 'samples', {numberOfOutputs: 0});
  const blocks = [];
  node.port.onmessage = ({data}) => {
    blocks.push(data);
    onLevel(data.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0));
  };
  context.createMediaStreamSource(stream).connect(node);
  return {
    async stop() {
      stream.getTracks().forEach((track) => track.stop());
      await context.close();
      return wavOf(blocks, rateHz);
    },
  };
}
