// The page: takes a recording and its words, follows the progress, shows the answer.
// Text of others (names, words, reasons) is only ever set as text.
import {mountRecording} from '/static/listening/view.js';
import {Service} from '/static/service.js';
import {record} from '/static/wav.js';

const PEAKS = 1200;
const FORMATS = [
  ['.words.json', 'words.json'], ['.json', 'json'], ['.textgrid', 'textgrid'], ['.cha', 'chat'],
  ['.eaf', 'eaf'], ['.ctm', 'ctm'], ['.srt', 'srt'], ['.vtt', 'vtt'],
];
const STAGES = {words: 'Finding the words', embed: 'Listening', explain: 'Finding what moved the answer'};
const NAMES = {
  words_with_times: 'Words with times', words_spread_evenly: 'Words spread evenly',
  pauses: 'Pauses', pause_s: 'Silence in pauses',
};
const SOON_MS = 1000;

const service = new Service();
const page = new Proxy({}, {get: (_, id) => document.getElementById(id)});
let model = null;
let audio = null;
let words = null;
let recording = null;
let running = null;
let soundUrl = '';

function make(tag, ...content) {
  const made = document.createElement(tag);
  made.append(...content);
  return made;
}

function isolated(text) {
  const made = make('bdi', String(text));
  made.dir = 'auto';
  return made;
}

const formatOf = (name) => FORMATS.find(([end]) => name.toLowerCase().endsWith(end))?.[1];
const say = (text) => { page.status.textContent = text; };
const bytesOf = (count) => (count < 1e6 ? `${Math.ceil(count / 1e3)} kB` : `${Number((count / 1e6).toFixed(1))} MB`);

// --- the model ---------------------------------------------------------------------------------

async function meet() {
  try {
    if (!(await service.isLoaded())) {
      say('The model is being loaded …');
      setTimeout(meet, SOON_MS);
      return;
    }
    model = await service.model();
  } catch (problem) {
    if (problem.status === 401) {
      page['access-help'].textContent = service.token
        ? 'That token is not known here.'
        : page['access-help'].textContent;
      page.access.hidden = false;
      page.ask.hidden = true;
      page.token.focus();
    } else {
      say('');
      showProblem(problem);
    }
    return;
  }
  say('');
  page.access.hidden = true;
  page.ask.hidden = false;
  page.model.hidden = false;
  page.use.textContent = model.use.replace(/^Research only\.\s*/, '');
  page['words-needed'].textContent = model.finds_words ? '(optional: the model can find them)' : '(needed)';
  const rates = model.sample_rates_hz.map((rate) => `${rate / 1000} kHz`).join(', ');
  const facts = [['Study', model.study], ['Tells apart', model.classes.join(' · ')],
    ['Trained on recordings at', rates], ['Weights', model.weights_sha256.slice(0, 12)]];
  page['model-facts'].replaceChildren(
    ...facts.map(([name, value]) => make('div', make('dt', name), make('dd', isolated(value)))),
  );
  const warnings = model.notice ? [model.notice] : [];
  if (model.shortcuts.length) {
    warnings.push(`Shortcuts were found in the study it comes from: ${model.shortcuts.join(', ')}.`);
  }
  page['model-warnings'].replaceChildren(...warnings.map((text) => {
    const box = make('div', make('p', isolated(text)));
    box.className = 'box warn';
    return box;
  }));
  const {longest_s: longest, body_bytes: most} = model.limits;
  page['audio-help'].textContent =
    `WAV, AIFF, FLAC, OGG, Opus or MP3; up to ${longest / 60} minutes and ${bytesOf(most)}.`;
}

// --- what is sent ------------------------------------------------------------------------------

function take(files) {
  for (const file of files) {
    if (formatOf(file.name)) takeWords(file);
    else takeAudio(file, file.name);
  }
}

function takeAudio(blob, name) {
  audio = blob;
  if (soundUrl) URL.revokeObjectURL(soundUrl);
  soundUrl = URL.createObjectURL(blob);
  page.preview.src = soundUrl;
  page['chosen-name'].textContent = name;
  page['chosen-size'].textContent = bytesOf(blob.size);
  page.chosen.hidden = false;
  say(`${name} is ready.`);
}

function takeWords(file) {
  words = file;
  page['words-name'].textContent = file ? file.name : '';
  page['words-remove'].hidden = !file;
  page.typed.disabled = Boolean(file);
  if (!file) page.words.value = '';
}

function wordsToSend() {
  if (words) return {content: words, format: formatOf(words.name) ?? 'words.json'};
  const typed = page.typed.value.split(/\s+/).filter(Boolean);
  if (!typed.length) return null;
  const content = JSON.stringify({source: 'manual', words: typed.map((text) => ({text}))});
  return {content, format: 'words.json', isUntimed: true};
}

async function toggleRecording() {
  if (recording) {
    const begun = recording;
    recording = null;
    showRecording(false);
    const made = await begun.stop();
    takeAudio(made, `recorded at ${new Date().toLocaleTimeString()}`);
    return;
  }
  page.problem.hidden = true;
  try {
    const rate = model?.sample_rates_hz[0] ?? 16000;
    recording = await record(rate, (level) => { page.level.value = level; });
    showRecording(true);
  } catch {
    showProblem({message: 'the microphone cannot be used; allow it in the browser, or choose a file'});
  }
}

function showRecording(isOn) {
  page.record.setAttribute('aria-pressed', String(isOn));
  page['record-text'].textContent = isOn ? 'Stop' : 'Record';
  page.level.hidden = !isOn;
  say(isOn ? 'Recording.' : '');
}

// --- asking ------------------------------------------------------------------------------------

async function ask() {
  if (recording) await toggleRecording();
  page.problem.hidden = true;
  page.answer.hidden = true;
  if (!audio) {
    showProblem({message: 'choose or record a recording first'});
    return;
  }
  running = new AbortController();
  const {signal} = running;
  showProgress('Sending …');
  let place = '';
  try {
    place = await service.send(audio, wordsToSend(), signal);
    await service.follow(place, showState, signal);
    const answer = await service.answer(place, signal);
    await show(answer);
  } catch (problem) {
    if (problem.name !== 'AbortError') showProblem(problem);
    else say('Cancelled.');
  } finally {
    running = null;
    page.progress.hidden = true;
    page.fields.disabled = false;
    if (place) service.remove(place);
  }
}

function showState({state, position, progress}) {
  if (state === 'waiting') showProgress(position > 1 ? `Waiting; ${position - 1} before this one` : 'Waiting …');
  else if (progress) showProgress(`${STAGES[progress.stage] ?? 'Working'} …`, progress.done, progress.total);
  else if (state === 'running') showProgress('The model is listening …');
}

function showProgress(text, done, total) {
  page.fields.disabled = true;
  page.progress.hidden = false;
  page['progress-text'].textContent = text;
  if (total > 1) {
    page.bar.max = total;
    page.bar.value = done;
  } else {
    page.bar.removeAttribute('value');
  }
}

function showProblem({message, requestId}) {
  const text = String(message);
  page['problem-text'].textContent = `${text[0].toUpperCase()}${text.slice(1)}.`;
  page['problem-id'].textContent = requestId ? `Request ${requestId}` : '';
  page.problem.hidden = false;
}

// --- the answer --------------------------------------------------------------------------------

async function show(answer) {
  const {classes} = answer.bundle;
  const title = page['answer-title'];
  if (answer.decision === 'abstain') title.replaceChildren('The model does not decide.');
  else if (answer.decision) title.replaceChildren('The model says: ', isolated(answer.decision));
  else title.replaceChildren('The model gives no decision.');
  if (typeof answer.predicted_score === 'number') {
    title.replaceChildren(`Predicted score: ${answer.predicted_score.toFixed(1)}`);
  }
  page.reasons.replaceChildren(...answer.reasons.map((reason) => make('li', isolated(reason))));
  showGauge(answer.probability, classes);
  page.answer.hidden = false;
  const values = answer.words.flatMap((word) => [word.attribution, word.pause_attribution]);
  const data = {
    ...answer, classes, decision: null, probability: null, predicted_score: null, reasons: [],
    duration_s: answer.quality.duration_s, peaks: await peaksOf(audio),
    scale: Math.max(0, ...values.filter(Number.isFinite).map(Math.abs)),
  };
  mountRecording(page.view, data, {audioUrl: soundUrl, hasTitle: false});
  showQuality(answer.quality);
  page.json.textContent = JSON.stringify(answer, null, 1);
  say('The answer is there.');
  page.answer.focus();
  page.answer.scrollIntoView();
}

function showGauge(probability, classes) {
  page.gauge.hidden = typeof probability !== 'number' || classes.length !== 2;
  if (page.gauge.hidden) return;
  const at = make('div');
  at.className = 'gauge-at';
  at.style.left = `${100 * probability}%`;
  const bar = make('div', at);
  bar.className = 'gauge-bar';
  bar.setAttribute('role', 'img');
  bar.setAttribute('aria-label', `Experimental score ${probability.toFixed(2)}, from ${classes[0]} (0) to ${classes[1]} (1)`);
  const ends = make('p', make('span', isolated(classes[0]), ' 0'),
    make('strong', probability.toFixed(2)), make('span', '1 ', isolated(classes[1])));
  ends.className = 'gauge-ends';
  const meaning = make('p', 'Experimental score, calibrated on recordings like those of the study. It is no statement about a person.');
  meaning.className = 'small';
  page.gauge.replaceChildren(bar, ends, meaning);
}

function showQuality(quality) {
  const counts = Object.entries(quality)
    .filter(([key, value]) => NAMES[key] && typeof value === 'number')
    .map(([key, value]) => row(NAMES[key], rounded(value) + (key.endsWith('_s') ? ' s' : '')));
  const measures = (quality.measures ?? []).filter(({value}) => value !== null).map((measure) => {
    const {shown, unit, value, training_low: low, training_high: high, is_inside: isInside} = measure;
    const range = low === null || high === null ? '' : `${rounded(low)} to ${rounded(high)} ${unit}`;
    const alike = {true: 'yes', false: 'no'}[isInside] ?? '';
    return row(shown[0].toUpperCase() + shown.slice(1), `${rounded(value)} ${unit}`, range, alike);
  });
  page.quality.tBodies[0].replaceChildren(...measures, ...counts);
}

function row(name, ...cells) {
  const head = make('th', name);
  head.scope = 'row';
  while (cells.length < 3) cells.push('');
  return make('tr', head, ...cells.map((text) => make('td', text.trim())));
}

const rounded = (value) => Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));

/** The outline of the sound, 0 to 1; nothing where the browser cannot decode it. */
async function peaksOf(blob) {
  try {
    const context = new OfflineAudioContext(1, 1, 16000);
    const decoded = (await context.decodeAudioData(await blob.arrayBuffer())).getChannelData(0);
    const step = Math.max(1, Math.floor(decoded.length / PEAKS));
    const peaks = [];
    for (let from = 0; from < decoded.length; from += step) {
      let most = 0;
      for (let at = from; at < Math.min(from + step, decoded.length); at += 1) most = Math.max(most, Math.abs(decoded[at]));
      peaks.push(most);
    }
    return peaks;
  } catch {
    return undefined;
  }
}

// --- wiring ------------------------------------------------------------------------------------

page.audio.addEventListener('change', () => take(page.audio.files));
page.words.addEventListener('change', () => takeWords(page.words.files[0] ?? null));
page['words-remove'].addEventListener('click', () => takeWords(null));
page.record.addEventListener('click', toggleRecording);
page.cancel.addEventListener('click', () => running?.abort());
page.ask.addEventListener('submit', (event) => { event.preventDefault(); ask(); });
page.access.addEventListener('submit', (event) => {
  event.preventDefault();
  service.token = page.token.value.trim();
  meet();
});
page.again.addEventListener('click', () => {
  page.answer.hidden = true;
  window.scrollTo(0, 0);
  page.audio.focus();
});
for (const name of ['dragenter', 'dragover', 'dragleave', 'drop']) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    page.drop.classList.toggle('over', name === 'dragenter' || name === 'dragover');
    if (name === 'drop' && !page.fields.disabled) take(event.dataTransfer.files);
  });
}
meet();
