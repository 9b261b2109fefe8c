// The openai package of npm against a daemon; clients_test.go says where that is.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, test } from 'node:test';
import OpenAI from 'openai';
import { zodFunction, zodResponseFormat, zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod';
import { Agent, fetch } from 'undici';
import { z } from 'zod';

const env = process.env;
const tls = env.CUSP_OVER === 'tls';
const messages = [{ role: 'user', content: 'turn on the kitchen light' }];
const long = { model: 'cusp', messages, stream: true, max_completion_tokens: 3900, ignore_eos: true };

const agents = [];
after(() => Promise.all(agents.map((a) => a.destroy())));

function client(over = {}, socket = undefined) {
  const connect = socket === undefined && tls ? { ca: readFileSync(env.CUSP_CA) } : { socketPath: socket ?? env.CUSP_SOCKET };
  const dispatcher = new Agent({ connect });
  agents.push(dispatcher);
  return new OpenAI({ baseURL: socket ? 'http://cusp/v1' : env.CUSP_URL, apiKey: env.CUSP_TOKEN, maxRetries: 0, fetch, fetchOptions: { dispatcher }, ...over });
}
const openai = client();

function engine() {
  return new Promise((resolve, reject) => {
    request({ socketPath: env.CUSP_SOCKET, path: '/v1/cusp/status' }, async (r) => {
      let text = '';
      for await (const piece of r) text += piece;
      resolve(JSON.parse(text).engine);
    }).on('error', reject).end();
  });
}

// cancelled: what leaves an answer in the middle ends its generation.
async function cancelled(leave) {
  const before = (await engine()).generated_tokens;
  await leave();
  let now;
  for (const end = Date.now() + 60_000; (now = await engine()).running > 0 && Date.now() < end;) await sleep(10);
  assert.equal(now.running, 0);
  assert.ok(now.generated_tokens - before < 3000, `${now.generated_tokens - before} tokens`);
}

const Lamp = z.object({
  room: z.enum(['hall', 'den']),
  level: z.number().int().min(0).max(100),
  on: z.boolean(),
  tags: z.array(z.enum(['warm', 'cold'])).max(2),
});
const lampFormat = zodResponseFormat(Lamp, 'lamp');
const lampTool = zodFunction({ name: 'lamp', parameters: Lamp, description: 'switches a lamp' });
const settings = { model: 'cusp', messages, temperature: 1, max_tokens: 400 };

test('chat', async () => {
  const { data, response } = await openai.chat.completions
    .create({ model: 'cusp', messages, max_tokens: 8, temperature: 1, ignore_eos: true, cusp: { privacy: 'private' } }).withResponse();
  assert.equal(data.choices[0].finish_reason, 'length');
  assert.equal(data.usage.completion_tokens, 8);
  assert.equal(data.cusp.reason, 'private');
  assert.equal(response.headers.get('x-cusp-route'), data.cusp.route);
});

test('n', async () => {
  const texts = async () => (await openai.chat.completions.create({ ...settings, max_tokens: 12, seed: 7, n: 3 })).choices.map((c) => c.message.content);
  assert.deepEqual(await texts(), await texts());
  assert.equal(new Set(await texts()).size, 3);
});

test('stream', async () => {
  const body = { ...settings, max_tokens: 20, seed: 3, logprobs: true, top_logprobs: 2 };
  const chunks = [];
  for await (const c of await openai.chat.completions.create({ ...body, stream: true, stream_options: { include_usage: true } })) chunks.push(c);
  const whole = await openai.chat.completions.create(body);
  const choices = chunks.flatMap((c) => c.choices);
  assert.equal(choices.map((c) => c.delta.content ?? '').join(''), whole.choices[0].message.content);
  assert.deepEqual(choices.flatMap((c) => c.logprobs?.content ?? []), whole.choices[0].logprobs.content);
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.deepEqual(chunks.at(-1).usage, whole.usage);
  assert.equal(chunks.filter((c) => c.usage).length, 1);
});

test('stream helper', async () => {
  const stream = openai.chat.completions.stream({ ...settings, seed: 4, response_format: lampFormat });
  let text = '';
  stream.on('content', (delta) => { text += delta; });
  const final = await stream.finalChatCompletion();
  assert.deepEqual(Lamp.parse(JSON.parse(text)), final.choices[0].message.parsed);
});

test('parse', async () => {
  for (let seed = 0; seed < 5; seed++) {
    const a = await openai.chat.completions.parse({ ...settings, seed, response_format: lampFormat });
    Lamp.parse(a.choices[0].message.parsed);
    const b = await openai.chat.completions.parse({ ...settings, seed, tools: [lampTool], tool_choice: 'required' });
    Lamp.parse(b.choices[0].message.tool_calls[0].function.parsed_arguments);
  }
  await assert.rejects(openai.chat.completions.parse({ ...settings, max_tokens: 3, response_format: lampFormat }), OpenAI.LengthFinishReasonError ?? /length/);
});

test('tools', async () => {
  const tools = [lampTool, { type: 'function', function: { name: 'time' } }];
  for (const tool_choice of ['required', { type: 'function', function: { name: 'lamp' } }]) {
    const a = await openai.chat.completions.create({ ...settings, tools, tool_choice });
    const { message, finish_reason } = a.choices[0];
    assert.equal(finish_reason, 'tool_calls');
    assert.equal(message.content, null);
    const answer = { role: 'tool', tool_call_id: message.tool_calls[0].id, content: 'done' };
    await openai.chat.completions.create({ ...settings, max_tokens: 2, tools, messages: [...messages, message, answer] });
  }
  const none = await openai.chat.completions.create({ ...settings, max_tokens: 4, tools, tool_choice: 'none' });
  assert.equal(none.choices[0].message.tool_calls, undefined);
});

test('tool runner', async () => {
  const seen = [];
  const lamp = { ...lampTool.function, function: (a) => { seen.push(Lamp.parse(a)); return 'done'; }, parse: JSON.parse };
  for (const stream of [false, true]) {
    const runner = openai.chat.completions.runTools({ ...settings, stream, tool_choice: 'required', tools: [{ type: 'function', function: lamp }] }, { maxChatCompletions: 2 });
    await runner.done();
  }
  assert.ok(seen.length >= 2, `${seen.length} calls`);
});

test('student', async () => {
  const c = client({}, env.CUSP_STUDENT);
  const a = await c.chat.completions.create({ model: 'cusp', messages });
  assert.equal(JSON.parse(a.choices[0].message.content).intent, 'HassTurnOn');
  assert.equal(a.cusp.route, 'local');
});

test('completions', async () => {
  const body = { model: 'cusp', prompt: ['one', 'two'], max_tokens: 6, temperature: 1, seed: 5, logprobs: 2 };
  const whole = await openai.completions.create(body);
  assert.deepEqual(whole.choices.map((c) => c.index), [0, 1]);
  const texts = ['', ''];
  for await (const c of await openai.completions.create({ ...body, stream: true })) for (const x of c.choices) texts[x.index] += x.text;
  assert.deepEqual(texts, whole.choices.map((c) => c.text));
});

test('responses', async () => {
  const a = await openai.responses.create({ model: 'cusp', instructions: 'be short', input: 'hi', max_output_tokens: 5, temperature: 1, ignore_eos: true });
  assert.equal(a.status, 'incomplete');
  assert.equal(a.incomplete_details.reason, 'max_output_tokens');
  const b = await openai.responses.create({ model: 'cusp', max_output_tokens: 2, input: [{ role: 'user', content: 'hi' }, ...a.output, { role: 'user', content: 'go on' }] });
  assert.equal(typeof b.output_text, 'string');
});

test('responses: stream', async () => {
  const stream = openai.responses.stream({ model: 'cusp', input: 'hi', text: { format: zodTextFormat(Lamp, 'lamp') }, temperature: 1, max_output_tokens: 400 });
  const events = [];
  for await (const e of stream) events.push(e);
  assert.deepEqual(events.map((e) => e.sequence_number), events.map((_, i) => i));
  assert.equal(events[0].type, 'response.created');
  assert.equal(events.at(-1).type, 'response.completed');
  const final = await stream.finalResponse();
  Lamp.parse(final.output_parsed);
  assert.equal(events.filter((e) => e.type === 'response.output_text.delta').map((e) => e.delta).join(''), final.output_text);
});

test('responses: parse and tools', async () => {
  const a = await openai.responses.parse({ model: 'cusp', input: 'hi', text: { format: zodTextFormat(Lamp, 'lamp') }, temperature: 1, max_output_tokens: 400 });
  Lamp.parse(a.output_parsed);
  const tools = [zodResponsesFunction({ name: 'lamp', parameters: Lamp })];
  const input = [{ role: 'user', content: 'hi' }];
  const b = await openai.responses.parse({ model: 'cusp', input, tools, tool_choice: 'required', temperature: 1, max_output_tokens: 400 });
  const [call] = b.output;
  Lamp.parse(call.parsed_arguments);
  const next = [...input, { type: 'function_call', call_id: call.call_id, name: call.name, arguments: call.arguments }, { type: 'function_call_output', call_id: call.call_id, output: 'done' }];
  await openai.responses.create({ model: 'cusp', tools, tool_choice: 'none', max_output_tokens: 2, input: next });
});

test('embeddings', async () => {
  const a = await openai.embeddings.create({ model: 'bert', input: ['turn it on', 'turn it on', 'off'] });
  const b = await openai.embeddings.create({ model: 'bert', input: 'off', encoding_format: 'float' });
  assert.equal(a.data[0].embedding.length, 32);
  a.data[2].embedding.forEach((v, i) => assert.ok(Math.abs(v - b.data[0].embedding[i]) < 1e-5));
});

test('models', async () => {
  const names = [];
  for await (const m of openai.models.list()) names.push(m.id);
  for (const name of ['cusp', 'random', 'bert']) assert.ok(names.includes(name), name);
  for (const name of names) assert.equal((await openai.models.retrieve(name)).id, name);
});

test('leaving a loop', () => cancelled(async () => {
  let seen = 0;
  for await (const _ of await openai.chat.completions.create(long)) if (++seen === 5) break;
}));

test('aborting', () => cancelled(async () => {
  const stop = new AbortController();
  const stream = await openai.chat.completions.create(long, { signal: stop.signal });
  let seen = 0;
  for await (const _ of stream) if (++seen === 5) stop.abort();
}));

test('aborting a response', () => cancelled(async () => {
  const stream = openai.responses.stream({ model: 'cusp', input: 'hi', temperature: 1, max_output_tokens: 3900, ignore_eos: true });
  let seen = 0;
  await assert.rejects(async () => { for await (const _ of stream) if (++seen === 8) stream.abort(); }, OpenAI.APIUserAbortError);
}));

test('timeout', () => cancelled(() =>
  assert.rejects(openai.chat.completions.create({ ...long, stream: false }, { timeout: 300 }), OpenAI.APIConnectionTimeoutError)));

test('errors', async () => {
  const chat = (body) => openai.chat.completions.create({ model: 'cusp', messages, ...body });
  const schema = { type: 'object', magic: 1 };
  for (const [kind, status, param, code, ask] of [
    [OpenAI.NotFoundError, 404, 'model', 'model_not_found', () => chat({ model: 'gpt-4o' })],
    [OpenAI.NotFoundError, 404, 'model', 'model_not_found', () => openai.models.retrieve('gpt-4o')],
    [OpenAI.BadRequestError, 400, 'response_format', null, () => chat({ response_format: { type: 'json_schema', json_schema: { name: 'x', schema } } })],
    [OpenAI.BadRequestError, 400, 'text.format', null, () => openai.responses.create({ model: 'cusp', input: 'hi', text: { format: { type: 'json_schema', name: 'x', schema } } })],
    [OpenAI.BadRequestError, 400, 'messages', 'context_length_exceeded', () => chat({ messages: [{ role: 'user', content: 'a'.repeat(5000) }] })],
    [OpenAI.BadRequestError, 400, 'temperature', null, () => chat({ temperature: 3 })],
    [OpenAI.APIError, 413, null, 'request_too_large', () => chat({ messages: [{ role: 'user', content: 'a'.repeat(2 << 20) }] })],
    [OpenAI.BadRequestError, 400, 'messages', 'context_length_exceeded', () => chat({ stream: true, messages: [{ role: 'user', content: 'a'.repeat(5000) }] })],
  ]) {
    await assert.rejects(ask(), (e) => {
      assert.ok(e instanceof kind, `${e}`);
      assert.deepEqual([e.status, e.param, e.code], [status, param, code]);
      return true;
    });
  }
});

test('a bad key', { skip: !tls && 'the socket has no keys: whoever can open it may ask' }, () =>
  assert.rejects(client({ apiKey: 'another-key-0123456789' }).models.list(), (e) => e instanceof OpenAI.AuthenticationError && e.code === 'invalid_api_key'));
