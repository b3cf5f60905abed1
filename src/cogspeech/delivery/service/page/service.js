// The service as the page sees it: one class, one method per request.

/** Why there is no answer, in the words of the service. */
export class Problem extends Error {
  constructor(status, error) {
    super(error.message);
    this.status = status;
    this.code = error.code;
    this.requestId = error.request_id;
  }
}

export class Service {
  constructor() {
    this.token = '';
  }

  async ask(path, options = {}) {
    const headers = this.token ? {Authorization: `Bearer ${this.token}`} : {};
    let reply;
    try {
      reply = await fetch(path, {...options, headers: {...headers, ...options.headers}});
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      throw new Problem(0, {code: 'unreachable', message: 'the service cannot be reached'});
    }
    if (reply.ok) return reply;
    const said = await reply.json().catch(() => ({}));
    throw new Problem(reply.status, said.error ?? {message: `the service said ${reply.status}`});
  }

  async isLoaded() {
    return (await (await this.ask('/healthz')).json()).model_is_loaded;
  }

  async model() {
    return (await this.ask('/v1/model')).json();
  }

  /** Sends recording and words; returns where the answer will be. */
  async send(audio, words, signal) {
    const query = new URLSearchParams();
    if (words) query.set('words', 'later');
    if (words?.isUntimed) query.set('untimed_words', 'spread');
    const body = {method: 'POST', body: audio, signal};
    const binary = {headers: {'Content-Type': 'application/octet-stream'}};
    const begun = await this.ask(`/v1/predictions?${query}`, {...body, ...binary});
    const place = begun.headers.get('Location');
    if (words) {
      const path = `${place}/words?format=${encodeURIComponent(words.format)}`;
      await this.ask(path, {method: 'PUT', body: words.content, signal, ...binary});
    }
    return place;
  }

  /** Calls `told` with every state until the last one. */
  async follow(place, told, signal) {
    const reply = await this.ask(`${place}/events`, {signal});
    const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      const {value, done} = await reader.read();
      if (done) return;
      const events = (text + value).split('\n\n');
      text = events.pop();
      for (const event of events) {
        const data = event.split('\n').find((line) => line.startsWith('data: '));
        if (data) told(JSON.parse(data.slice(6)));
      }
    }
  }

  async answer(place, signal) {
    return (await this.ask(place, {signal})).json();
  }

  async remove(place) {
    await this.ask(place, {method: 'DELETE', keepalive: true}).catch(() => {});
  }
}
