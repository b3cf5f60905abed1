// One recording: its waveform, its words and pauses coloured by what they did to the answer, and
// the sound of each. All text is set as text, never as markup: it is other people's.
import WaveSurfer from './wavesurfer.esm.js';

const HEIGHT_PX = 96;
const STEPS = 4;
const READABLE_PX_PER_S = 60;
const ZOOMS = [1, 2, 4, 8, 16];
const KEY_STEPS = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1};

/** Explainers whose values have no sign, so speak for no class. */
const UNSIGNED = new Set(['attention']);

/**
 * The style class of an attribution: `n4` to `p4`, `z` for none, `u1` to `u4` where values have no
 * sign; `none` where there is no value.
 */
export function tintOf(value, scale, isSigned = true) {
  if (!isNumber(value)) return 'none';
  const share = scale > 0 ? Math.max(-1, Math.min(1, value / scale)) : 0;
  const step = Math.round(Math.abs(share) * STEPS);
  if (!step) return 'z';
  return (isSigned ? (share > 0 ? 'p' : 'n') : 'u') + step;
}

/**
 * Shows one recording in `element`.
 *
 * @param {HTMLElement} element what it is put into.
 * @param {object} data an answer of `cogspeech predict` with `classes`, `scale`, `duration_s` and
 *   `peaks`; also `truth` and `poles` (what speaks below and above 0) where known.
 * @param {{audioUrl?: string, hasTitle?: boolean}} options without `audioUrl` nothing is played.
 * @returns {{destroy: function(): void}}
 */
export function mountRecording(element, data, {audioUrl = '', hasTitle = true} = {}) {
  return new RecordingView(element, data, audioUrl, hasTitle);
}

function make(tag, className = '', ...content) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

function button(className, label, text) {
  const made = make('button', className, text);
  made.type = 'button';
  if (label) made.setAttribute('aria-label', label);
  return made;
}

/** Text that may run from right to left, kept from turning its surroundings around. */
function isolated(text, className = '') {
  const made = make('bdi', className, text);
  made.dir = 'auto';
  return made;
}

const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);

function signed(value) {
  if (!isNumber(value)) return '–';
  const text = Math.abs(value).toFixed(3);
  if (Number(text) === 0) return '0.000';
  return (value > 0 ? '+' : '\u2212') + text;
}

function clock(seconds) {
  const tenths = Math.round(Math.max(0, seconds) * 10);
  const rest = (tenths % 600) / 10;
  return `${Math.floor(tenths / 600)}:${rest < 10 ? '0' : ''}${rest.toFixed(1)}`;
}

/** Words and pauses in the order in which they are read; a pause stands before its word. */
function itemsOf(words) {
  const items = [];
  let last = -1;
  for (const word of words) {
    const index = word.word_index ?? last + 1;
    const isAfterGap = index > last + 1;
    if (word.pause_s > 0) {
      const start = isNumber(word.pause_start_s) ? word.pause_start_s : null;
      const end = start === null ? null : start + word.pause_s;
      const value = word.pause_attribution ?? null;
      items.push({kind: 'pause', word, start, end, value, isAfterGap});
    }
    const isTimed = isNumber(word.start_s) && isNumber(word.end_s) && word.end_s > word.start_s;
    const [start, end] = isTimed ? [word.start_s, word.end_s] : [null, null];
    const value = word.attribution ?? null;
    items.push({kind: 'word', word, start, end, value, isAfterGap: isAfterGap && !word.pause_s});
    last = index;
  }
  return items;
}

class RecordingView {
  constructor(element, data, audioUrl, hasTitle) {
    this.data = data;
    this.scale = data.scale > 0 ? data.scale : 0;
    this.isSigned = !UNSIGNED.has(data.explainer?.name);
    this.items = itemsOf(data.words ?? []);
    this.timed = this.items.filter((item) => item.start !== null);
    this.timed.sort((a, b) => a.start - b.start);
    this.isPlayable = Boolean(audioUrl);
    this.itemOf = new WeakMap();
    this.current = null;
    this.stops = new AbortController();
    const classes = data.classes ?? [];
    this.poles = data.poles ?? [classes[0] ?? 'lower', classes.slice(1).join(' or ') || 'higher'];
    this.root = make('div', 'cs-view');
    this.live = make('p', 'cs-live');
    this.live.setAttribute('role', 'status');
    this.root.append(...this.header(hasTitle));
    if (this.isPlayable || data.peaks?.length) this.root.append(this.player(audioUrl));
    this.root.append(this.legend(), this.body(), this.live);
    element.replaceChildren(this.root);
    if (this.strip) this.drawWave(audioUrl);
    this.select(this.items[0], {isFocused: false});
  }

  // --- what stands above -------------------------------------------------------------------

  header(hasTitle) {
    const {data} = this;
    const facts = make('dl', 'cs-facts');
    const add = (name, ...value) =>
      facts.append(make('div', '', make('dt', '', name), make('dd', '', ...value)));
    if (data.truth) add('Truth', isolated(String(data.truth)));
    if (isNumber(data.predicted_score)) add('Predicted', data.predicted_score.toFixed(2));
    if (data.decision) add('Decision', isolated(String(data.decision)));
    if (isNumber(data.probability)) add('Probability', this.gauge(data.probability));
    const shown = [];
    if (hasTitle) shown.push(make('h3', 'cs-title', isolated(String(data.recording_id))));
    if (facts.childElementCount) shown.push(facts);
    if (data.reasons?.length) {
      const reasons = make('ul', 'cs-reasons');
      for (const reason of data.reasons) reasons.append(make('li', '', isolated(String(reason))));
      shown.push(reasons);
    }
    return shown;
  }

  gauge(probability) {
    const fill = make('span', 'cs-gauge-at');
    fill.style.left = `${100 * Math.max(0, Math.min(1, probability))}%`;
    const gauge = make('span', 'cs-gauge', fill);
    gauge.setAttribute('aria-hidden', 'true');
    const of = make('small', '', 'of ', isolated(this.poles[1]));
    return make('span', 'cs-probability', make('strong', '', probability.toFixed(2)), gauge, of);
  }

  tint(value, scale = this.scale) {
    return tintOf(value, scale, this.isSigned);
  }

  legend() {
    const swatches = make('span', 'cs-swatches');
    swatches.setAttribute('aria-hidden', 'true');
    for (let step = this.isSigned ? -STEPS : 0; step <= STEPS; step += 1) {
      swatches.append(make('span', `cs-${this.tint(step / STEPS, 1)}`, step === 0 ? '0' : 'a'));
    }
    const end = this.scale.toPrecision(2);
    const legend = make('p', 'cs-legend');
    if (this.isSigned) {
      const low = make('span', '', 'speaks for ', isolated(this.poles[0], 'cs-pole'));
      const high = make('span', '', 'speaks for ', isolated(this.poles[1], 'cs-pole'));
      const text = `dotted below 0, solid above; strongest from \u00b1${end}`;
      legend.append(low, swatches, high, make('span', 'cs-soft', text));
    } else {
      const text = `weight, without a sign; strongest from ${end}`;
      legend.append(swatches, make('span', 'cs-soft', text));
    }
    const meaning = this.data.explainer?.meaning;
    if (meaning) legend.append(make('span', 'cs-soft cs-meaning', `Attribution: ${meaning}.`));
    return legend;
  }

  // --- waveform ----------------------------------------------------------------------------

  player(audioUrl) {
    this.clockText = make('span', 'cs-clock');
    const bar = make('div', 'cs-bar');
    if (audioUrl) {
      this.audio = make('audio', 'cs-audio');
      this.audio.preload = 'auto';
      this.playButton = button('cs-play', 'Play recording', make('span', 'cs-play-icon'));
      this.on(this.playButton, 'click', () => this.toggle());
      bar.append(this.playButton, this.audio);
    }
    const zoomOut = button('cs-zoom', 'Show more of the waveform', '\u2212');
    const zoomIn = button('cs-zoom', 'Show less of the waveform, larger', '+');
    this.on(zoomOut, 'click', () => this.zoom(-1));
    this.on(zoomIn, 'click', () => this.zoom(1));
    this.zoomButtons = [zoomOut, zoomIn];
    bar.append(this.clockText, make('span', 'cs-fill'), zoomOut, zoomIn);
    this.wave = make('div', 'cs-wave');
    this.bands = make('div', 'cs-bands');
    this.bands.setAttribute('aria-hidden', 'true');
    this.strip = make('div', 'cs-strip', this.bands, this.wave);
    this.scroll = make('div', 'cs-scroll', this.strip);
    this.scroll.setAttribute('role', 'group');
    this.scroll.setAttribute('aria-label', 'Waveform; the words below can be played one by one');
    return make('div', 'cs-player', bar, this.scroll);
  }

  drawWave(audioUrl) {
    const {peaks, duration_s: duration} = this.data;
    const isGiven = peaks?.length && duration > 0;
    this.wavesurfer = WaveSurfer.create({
      container: this.wave,
      height: HEIGHT_PX,
      media: this.audio,
      url: audioUrl || undefined,
      peaks: isGiven ? [peaks] : undefined,
      duration: isGiven ? duration : undefined,
      normalize: true,
      barWidth: 2,
      barGap: 1,
      barRadius: 2,
      barMinHeight: 1,
      cursorWidth: 2,
      hideScrollbar: true,
      interact: false,
      autoScroll: false,
      ...this.inks(),
    });
    this.wavesurfer.on('ready', (seconds) => this.setDuration(seconds));
    this.wavesurfer.on('timeupdate', (seconds) => this.follow(seconds));
    this.wavesurfer.on('play', () => this.showPlaying(true));
    this.wavesurfer.on('pause', () => this.showPlaying(false));
    this.wavesurfer.on('error', () => this.say('The sound of this recording cannot be played.'));
    const scheme = window.matchMedia('(prefers-color-scheme: dark)');
    this.on(scheme, 'change', () => this.wavesurfer.setOptions(this.inks()));
    this.widths = new ResizeObserver(() => this.fit());
    this.widths.observe(this.scroll);
    this.on(this.strip, 'click', (event) => this.clickAt(this.secondAt(event)));
    this.on(this.strip, 'pointermove', (event) => {
      const item = event.pointerType === 'touch' ? null : this.itemAt(this.secondAt(event));
      this.strip.classList.toggle('cs-over', Boolean(item) && this.isPlayable);
      if (item) this.select(item, {isFocused: false, isFollowed: false});
    });
    if (isGiven) this.setDuration(duration);
  }

  inks() {
    const style = getComputedStyle(this.root);
    const ink = (name) => style.getPropertyValue(name).trim();
    const [wave, played, cursor] = ['--cs-wave', '--cs-played', '--cs-cursor'].map(ink);
    return {waveColor: wave, progressColor: played, cursorColor: cursor};
  }

  setDuration(seconds) {
    if (this.duration) return;
    this.duration = Math.max(seconds, 0.001);
    for (const item of this.timed) {
      const band = make('span', `cs-band cs-${item.kind} cs-${this.tint(item.value)}`);
      band.style.left = `${(100 * item.start) / this.duration}%`;
      band.style.width = `${(100 * (item.end - item.start)) / this.duration}%`;
      item.band = band;
      if (item.kind === 'word') band.append(make('span', 'cs-label', item.word.text));
      this.bands.append(band);
    }
    this.fit();
    this.follow(0);
    this.root.dataset.ready = 'true';
  }

  /** Pixels a second would have. */
  widthAt(times) {
    return (this.scroll.clientWidth * times) / this.duration;
  }

  zoom(step) {
    const middle = this.scroll.scrollLeft + this.scroll.clientWidth / 2;
    const share = middle / this.strip.clientWidth;
    this.zoomAt = Math.max(0, Math.min(ZOOMS.length - 1, this.zoomAt + step));
    this.fit();
    this.scroll.scrollLeft = share * this.strip.clientWidth - this.scroll.clientWidth / 2;
  }

  fit() {
    if (!this.duration || !this.scroll.clientWidth) return;
    if (this.zoomAt === undefined) {
      const isReadable = (times) => this.widthAt(times) >= READABLE_PX_PER_S;
      this.zoomAt = ZOOMS.findIndex(isReadable);
      if (this.zoomAt < 0) this.zoomAt = ZOOMS.length - 1;
    }
    const times = ZOOMS[this.zoomAt];
    this.strip.style.width = `${100 * times}%`;
    this.strip.classList.toggle('cs-labelled', this.widthAt(times) >= READABLE_PX_PER_S);
    this.zoomButtons[0].disabled = this.zoomAt === 0;
    this.zoomButtons[1].disabled = this.zoomAt === ZOOMS.length - 1;
  }

  secondAt(event) {
    const box = this.strip.getBoundingClientRect();
    return ((event.clientX - box.left) / box.width) * this.duration;
  }

  itemAt(second) {
    return this.timed.find((item) => item.start <= second && second < item.end) ?? null;
  }

  clickAt(second) {
    const item = this.itemAt(second);
    if (item) this.select(item, {isFocused: false, isFollowed: false});
    if (!this.isPlayable) return;
    if (item) this.play(item);
    else this.wavesurfer.setTime(second);
  }

  // --- sound -------------------------------------------------------------------------------

  toggle() {
    if (this.wavesurfer.isPlaying()) {
      this.stop();
    } else {
      this.say('Playing the recording');
      this.start();
    }
  }

  play(item) {
    if (!this.isPlayable || item.start === null) return;
    this.say(item.kind === 'pause' ? 'Playing the pause' : `Playing \u201c${item.word.text}\u201d`);
    this.start(item.start, item.end);
  }

  start(from, to) {
    this.wavesurfer.play(from, to).catch((error) => {
      // Another click came before the sound did: not a fault.
      if (error.name !== 'AbortError') this.say('The sound of this recording cannot be played.');
    });
  }

  stop() {
    if (!this.wavesurfer?.isPlaying()) return;
    this.wavesurfer.pause();
    this.say('Stopped');
  }

  showPlaying(isPlaying) {
    this.root.classList.toggle('cs-is-playing', isPlaying);
    this.playButton?.setAttribute('aria-label', isPlaying ? 'Pause' : 'Play recording');
    if (!isPlaying) this.mark(null);
  }

  follow(second) {
    this.clockText.textContent = `${clock(second)} / ${clock(this.duration ?? 0)}`;
    if (!this.wavesurfer.isPlaying()) return;
    const item = this.itemAt(second);
    this.mark(item);
    this.reveal(second);
  }

  mark(item) {
    if (item === this.marked) return;
    for (const part of [this.marked?.button, this.marked?.band]) part?.classList.remove('cs-now');
    for (const part of [item?.button, item?.band]) part?.classList.add('cs-now');
    this.marked = item;
  }

  /** Scrolls the waveform so that a second can be seen. */
  reveal(second) {
    const {scroll} = this;
    const x = (second / this.duration) * this.strip.clientWidth;
    const [left, width] = [scroll.scrollLeft, scroll.clientWidth];
    if (x >= left && x <= left + width * 0.95) return;
    const isStill = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    scroll.scrollTo({left: x - width * 0.15, behavior: isStill ? 'instant' : 'smooth'});
  }

  // --- words -------------------------------------------------------------------------------

  body() {
    this.detail = make('aside', 'cs-detail');
    this.detail.setAttribute('aria-label', 'The chosen word in detail');
    this.transcript = make('div', 'cs-transcript');
    this.transcript.dir = 'auto';
    this.transcript.setAttribute('role', 'group');
    const how = this.isPlayable
      ? 'Transcript. Arrow keys walk from word to word, Enter plays it, Escape stops.'
      : 'Transcript. Arrow keys walk from word to word.';
    this.transcript.setAttribute('aria-label', how);
    for (const item of this.items) {
      if (item.isAfterGap) this.transcript.append(make('span', 'cs-gap', '\u2026'), ' ');
      item.button = this.itemButton(item);
      this.transcript.append(item.button, ' ');
    }
    this.on(this.transcript, 'click', (event) => this.onItem(event, (item) => this.play(item)));
    for (const kind of ['focusin', 'pointerover']) {
      this.on(this.transcript, kind, (event) =>
        this.onItem(event, (item) => this.select(item, {isFocused: false})),
      );
    }
    this.on(this.root, 'keydown', (event) => this.key(event));
    const hint = make('p', 'cs-hint', this.isPlayable
      ? 'Click a word to hear it. Arrow keys walk, Enter plays, Esc stops.'
      : 'Point at a word, or walk with the arrow keys, to see what it did.');
    return make('div', 'cs-body', make('div', 'cs-text', this.transcript, hint), this.detail);
  }

  itemButton(item) {
    const isPause = item.kind === 'pause';
    const text = isPause ? `${item.word.pause_s.toFixed(1)} s` : item.word.text;
    const made = button(`cs-item cs-${item.kind} cs-${this.tint(item.value)}`, '', text);
    made.setAttribute('aria-label', this.labelOf(item));
    made.tabIndex = -1;
    if (!this.isPlayable || item.start === null) made.setAttribute('aria-disabled', 'true');
    if (!isPause && item.start === null) made.classList.add('cs-untimed');
    this.itemOf.set(made, item);
    return made;
  }

  labelOf(item) {
    const seconds = item.word.pause_s;
    const name = item.kind === 'pause' ? `pause of ${seconds.toFixed(1)} seconds` : item.word.text;
    if (!isNumber(item.value)) return name;
    if (!this.isSigned) return `${name}, weight ${item.value.toFixed(3)}`;
    const pole = item.value > 0 ? this.poles[1] : this.poles[0];
    const side = Number(item.value.toFixed(3)) ? `, for ${pole}` : '';
    return `${name}, ${signed(item.value)}${side}`;
  }

  onItem(event, act) {
    const found = event.target.closest?.('.cs-item');
    const item = found && this.itemOf.get(found);
    if (item) act(item);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape') {
      this.stop();
      return;
    }
    if (!this.itemOf.has(event.target)) return;
    const at = this.items.indexOf(this.itemOf.get(event.target));
    const isReversed = getComputedStyle(this.transcript).direction === 'rtl';
    let to = {Home: 0, End: this.items.length - 1}[event.key];
    if (event.key in KEY_STEPS) {
      const turns = isReversed && /Left|Right/.test(event.key) ? -1 : 1;
      to = Math.max(0, Math.min(this.items.length - 1, at + turns * KEY_STEPS[event.key]));
    }
    if (to === undefined) return;
    event.preventDefault();
    this.select(this.items[to], {isFocused: true});
  }

  select(item, {isFocused, isFollowed = true}) {
    if (!item) return;
    if (item !== this.current) {
      for (const part of [this.current?.button, this.current?.band]) {
        part?.classList.remove('cs-chosen');
      }
      if (this.current) this.current.button.tabIndex = -1;
      for (const part of [item.button, item.band]) part?.classList.add('cs-chosen');
      item.button.tabIndex = 0;
      this.current = item;
      this.detail.replaceChildren(...this.detailOf(item));
    }
    if (isFocused) item.button.focus();
    const isResting = !this.wavesurfer?.isPlaying();
    if (isFollowed && isResting && this.duration && item.start !== null) this.reveal(item.start);
  }

  detailOf({kind, word, start, end}) {
    const rows = [['The word', word.attribution, 'cs-whole']];
    if (isNumber(word.audio_attribution)) rows.push(['its sound', word.audio_attribution, '']);
    if (isNumber(word.text_attribution)) rows.push(['its text', word.text_attribution, '']);
    const tokens = word.token_attributions ?? [];
    tokens.forEach((value, at) => rows.push([`token ${at + 1}`, value, 'cs-token']));
    if (word.pause_s > 0) {
      rows.push([`the pause before it, ${word.pause_s.toFixed(2)} s`, word.pause_attribution, '']);
    }
    const found = rows.map(([, value]) => (isNumber(value) ? Math.abs(value) : 0));
    const most = Math.max(this.scale, ...found) || 1;
    const table = make('table', 'cs-rows');
    for (const [name, value, kind] of rows) {
      const side = value > 0 ? 'cs-for' : 'cs-against';
      const bar = make('span', `cs-share ${this.isSigned ? side : 'cs-weight'}`);
      const whole = this.isSigned ? 50 : 100;
      bar.style.width = isNumber(value) ? `${(whole * Math.abs(value)) / most}%` : '0';
      const heading = make('th', '', name);
      heading.scope = 'row';
      const number = make('td', 'cs-number', signed(value));
      const drawn = make('td', 'cs-drawn', make('span', 'cs-axis', bar));
      table.append(make('tr', kind, heading, drawn, number));
    }
    const times = start === null
      ? 'its times are not known'
      : `${start.toFixed(2)} s to ${end.toFixed(2)} s`;
    const title = make('p', 'cs-detail-word', isolated(word.text));
    if (kind === 'pause') title.prepend(make('span', 'cs-before', 'pause before '));
    return [title, make('p', 'cs-soft', times), table];
  }

  // --- the rest ----------------------------------------------------------------------------

  on(target, kind, act) {
    target.addEventListener(kind, act, {signal: this.stops.signal});
  }

  say(text) {
    this.live.textContent = text;
  }

  destroy() {
    this.stops.abort();
    this.widths?.disconnect();
    this.wavesurfer?.destroy();
    this.root.remove();
  }
}
