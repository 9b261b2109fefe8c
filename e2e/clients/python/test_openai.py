"""The openai package of PyPI against a daemon; clients_test.go says where that is."""

import asyncio
import enum
import http.client
import json
import os
import socket
import ssl
import time
import typing
import unittest

import httpx2
import openai
import pydantic

GO_ON = {"ignore_eos": True}  # a model with random weights may end at any token
MESSAGES = [{"role": "user", "content": "turn on the kitchen light"}]
LONG = dict(model="cusp", messages=MESSAGES, stream=True, max_completion_tokens=3900, extra_body=GO_ON)
TLS = os.environ["CUSP_OVER"] == "tls"


def transport(kind=httpx2.HTTPTransport, path=None):
    if TLS and path is None:
        return kind(verify=ssl.create_default_context(cafile=os.environ["CUSP_CA"]))
    return kind(uds=path or os.environ["CUSP_SOCKET"])


def client(**more):
    settings = dict(base_url=os.environ["CUSP_URL"], api_key=os.environ["CUSP_TOKEN"], max_retries=0)
    settings.update(more)
    return openai.OpenAI(http_client=openai.DefaultHttpx2Client(transport=transport()), **settings)


class Socket(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.environ["CUSP_SOCKET"])


def engine():
    c = Socket("cusp")
    c.request("GET", "/v1/cusp/status")
    status = json.load(c.getresponse())["engine"]
    c.close()
    return status


class Room(str, enum.Enum):
    hall = "hall"
    den = "den"


class Lamp(pydantic.BaseModel):
    """Switches a lamp."""

    room: Room
    level: int = pydantic.Field(ge=0, le=100)
    on: bool
    tags: list[typing.Literal["warm", "cold"]] = pydantic.Field(max_length=2)


class OpenAITest(unittest.TestCase):
    def setUp(self):
        self.client = client()
        self.addCleanup(self.client.close)

    def cancelled(self, leave):
        """What leaves an answer in the middle ends its generation."""
        before = engine()["generated_tokens"]
        leave()
        deadline = time.monotonic() + 60
        while (now := engine())["running"] and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(now["running"], 0)
        self.assertLess(now["generated_tokens"] - before, 3000)

    # Chat.

    def test_chat(self):
        a = self.client.chat.completions.create(model="cusp", messages=MESSAGES, max_tokens=8, seed=1, temperature=1, extra_body={**GO_ON, "cusp": {"id": "py-" + os.environ["CUSP_OVER"], "privacy": "private"}})
        self.assertEqual((a.object, a.choices[0].finish_reason, a.usage.completion_tokens), ("chat.completion", "length", 8))
        self.assertEqual(a.usage.total_tokens, a.usage.prompt_tokens + 8)
        self.assertEqual((a.cusp["route"], a.cusp["reason"], a.id), ("provisional", "private", "py-" + os.environ["CUSP_OVER"]))
        self.assertIsInstance(a.choices[0].message.content, str)

    def test_choices(self):
        def texts(**more):
            return [c.message.content for c in self.client.chat.completions.create(model="cusp", messages=MESSAGES, max_tokens=12, temperature=1, seed=7, n=3, **more).choices]

        self.assertEqual(texts(), texts())
        self.assertEqual(len(set(texts())), 3)

    def test_headers(self):
        raw = self.client.chat.completions.with_raw_response.create(model="cusp", messages=MESSAGES, max_tokens=2)
        self.assertEqual(raw.headers["x-cusp-route"], raw.parse().cusp["route"])

    def test_content_parts_and_roles(self):
        self.client.chat.completions.create(model="cusp", max_tokens=2, messages=[
            {"role": "developer", "content": [{"type": "text", "text": "be short"}]},
            {"role": "user", "name": "ann", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "done"},
            {"role": "assistant", "content": "yes", "refusal": None},
            *MESSAGES,
        ])

    def test_parameters_of_clients(self):
        """Parameters that a daemon has no use for are no reason to refuse."""
        self.client.chat.completions.create(model="cusp", messages=MESSAGES, max_tokens=2, user="u", metadata={"a": "b"}, store=False, service_tier="auto",
            safety_identifier="s", prompt_cache_key="k", verbosity="low", stop=["\n\n"], logit_bias={"65": 1}, presence_penalty=0.1, frequency_penalty=0.1, top_p=0.9,
            reasoning_effort="low", modalities=["text"], parallel_tool_calls=False, response_format={"type": "text"})

    def test_stream(self):
        with self.client.chat.completions.create(model="cusp", messages=MESSAGES, max_tokens=20, seed=3, temperature=1, stream=True, stream_options={"include_usage": True}) as s:
            chunks = list(s)
        whole = self.client.chat.completions.create(model="cusp", messages=MESSAGES, max_tokens=20, seed=3, temperature=1)
        self.assertEqual("".join(c.choices[0].delta.content or "" for c in chunks if c.choices), whole.choices[0].message.content)
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        self.assertEqual([c.choices[0].finish_reason for c in chunks if c.choices][-1], whole.choices[0].finish_reason)
        self.assertEqual(chunks[-1].choices, [])
        self.assertEqual(chunks[-1].usage.completion_tokens, whole.usage.completion_tokens)
        self.assertEqual([c.usage for c in chunks[:-1]], [None] * (len(chunks) - 1))
        self.assertEqual(len({c.id for c in chunks}), 1)
        self.assertEqual(chunks[-1].cusp["route"], "provisional")

    def test_stream_of_choices(self):
        with self.client.chat.completions.create(model="cusp", messages=MESSAGES, max_tokens=12, seed=3, temperature=1, n=2, stream=True) as s:
            texts = ["", ""]
            for c in s:
                texts[c.choices[0].index] += c.choices[0].delta.content or ""
        whole = self.client.chat.completions.create(model="cusp", messages=MESSAGES, max_tokens=12, seed=3, temperature=1, n=2)
        self.assertEqual(texts, [c.message.content for c in whole.choices])

    def test_stream_helper(self):
        with self.client.chat.completions.stream(model="cusp", messages=MESSAGES, temperature=1, seed=4, max_tokens=400, logprobs=True, response_format=Lamp) as s:
            kinds = {e.type for e in s}
            final = s.get_final_completion()
        self.assertLessEqual({"chunk", "content.delta", "content.done", "logprobs.content.delta"}, kinds)
        self.assertIsInstance(final.choices[0].message.parsed, Lamp)

    def test_logprobs(self):
        settings = dict(model="cusp", messages=MESSAGES, max_tokens=12, temperature=1, seed=9, logprobs=True, top_logprobs=3, extra_body=GO_ON)
        a = self.client.chat.completions.create(**settings)
        content = a.choices[0].logprobs.content
        self.assertEqual(bytes(b for p in content for b in p.bytes or []).decode(errors="replace"), a.choices[0].message.content)
        for p in content:
            self.assertEqual(len(p.top_logprobs), 3)
            self.assertLessEqual(p.logprob, 0)
        with self.client.chat.completions.create(stream=True, **settings) as s:
            choices = [c.choices[0] for c in s]
        for c in choices:  # each chunk has those of its own text
            if c.delta.content:
                self.assertEqual(bytes(b for p in c.logprobs.content for b in p.bytes or []).decode(errors="replace"), c.delta.content)
        self.assertEqual([p for c in choices if c.logprobs for p in c.logprobs.content], content)

    # Tools.

    def test_tools(self):
        tools = [openai.pydantic_function_tool(Lamp), {"type": "function", "function": {"name": "time"}}]
        for choice in ("required", {"type": "function", "function": {"name": "Lamp"}}, {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "Lamp"}}]}}):
            a = self.client.chat.completions.create(model="cusp", messages=MESSAGES, tools=tools, tool_choice=choice, temperature=1, max_tokens=400)
            call = a.choices[0].message.tool_calls[0]
            self.assertEqual((a.choices[0].finish_reason, a.choices[0].message.content, len(a.choices[0].message.tool_calls)), ("tool_calls", None, 1))
            if call.function.name == "time":
                self.assertEqual(call.function.arguments, "{}")
            else:
                Lamp.model_validate_json(call.function.arguments)
            # The client's own object goes back as it is.
            self.client.chat.completions.create(model="cusp", max_tokens=2, tools=tools, messages=[*MESSAGES, a.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "done"}])
        none = self.client.chat.completions.create(model="cusp", messages=MESSAGES, tools=tools, tool_choice="none", max_tokens=4)
        self.assertIsNone(none.choices[0].message.tool_calls)

    def test_stream_of_tools(self):
        with self.client.chat.completions.stream(model="cusp", messages=MESSAGES, tools=[openai.pydantic_function_tool(Lamp)], tool_choice="required", temperature=1, max_tokens=400) as s:
            kinds = [e.type for e in s]
            call = s.get_final_completion().choices[0].message.tool_calls[0]
        self.assertIn("tool_calls.function.arguments.delta", kinds)
        self.assertIn("tool_calls.function.arguments.done", kinds)
        self.assertIsInstance(call.function.parsed_arguments, Lamp)

    def test_parse(self):
        for seed in range(5):
            a = self.client.chat.completions.parse(model="cusp", messages=MESSAGES, response_format=Lamp, temperature=1, seed=seed, max_tokens=400)
            self.assertIsInstance(a.choices[0].message.parsed, Lamp)
            a = self.client.chat.completions.parse(model="cusp", messages=MESSAGES, tools=[openai.pydantic_function_tool(Lamp)], tool_choice="required", temperature=1, seed=seed, max_tokens=400)
            self.assertIsInstance(a.choices[0].message.tool_calls[0].function.parsed_arguments, Lamp)
        with self.assertRaises(openai.LengthFinishReasonError):
            self.client.chat.completions.parse(model="cusp", messages=MESSAGES, response_format=Lamp, max_tokens=3)

    def test_json_object(self):
        a = self.client.chat.completions.create(model="cusp", messages=MESSAGES, response_format={"type": "json_object"}, max_tokens=10)
        self.assertEqual(a.choices[0].message.content.lstrip()[0], "{")

    def test_student(self):
        """The model that is built in, through the same client."""
        c = openai.OpenAI(base_url="http://cusp/v1", api_key="none", http_client=openai.DefaultHttpx2Client(transport=transport(path=os.environ["CUSP_STUDENT"])))
        self.addCleanup(c.close)
        a = c.chat.completions.create(model="cusp-student", messages=MESSAGES)
        self.assertEqual(json.loads(a.choices[0].message.content), {"intent": "HassTurnOn", "slots": {"area": "kitchen", "domain": "light"}})
        self.assertEqual((a.cusp["route"], a.choices[0].finish_reason), ("local", "stop"))
        tool = {"type": "function", "function": {"name": "HassTurnOn", "parameters": {"type": "object", "properties": {"area": {"enum": ["kitchen", "bathroom"]}, "domain": {"enum": ["light", "fan"]}}, "required": ["area", "domain"], "additionalProperties": False}}}
        a = c.chat.completions.create(model="cusp", messages=MESSAGES, tools=[tool], tool_choice="required")
        self.assertEqual(json.loads(a.choices[0].message.tool_calls[0].function.arguments), {"area": "kitchen", "domain": "light"})

    # Other endpoints.

    def test_completions(self):
        settings = dict(model="cusp", prompt=["one", "two"], max_tokens=6, temperature=1, seed=5, logprobs=2, extra_body=GO_ON)
        a = self.client.completions.create(**settings)
        self.assertEqual([c.index for c in a.choices], [0, 1])
        for c in a.choices:
            self.assertEqual((len(c.logprobs.tokens), len(c.logprobs.top_logprobs[0]), c.finish_reason), (6, 2, "length"))
            tokens = (bytes.fromhex(t[len("bytes:"):].replace("\\x", "")) if t.startswith("bytes:") else t.encode() for t in c.logprobs.tokens)
            self.assertEqual(b"".join(tokens).decode(errors="replace"), c.text)
        with self.client.completions.create(stream=True, stream_options={"include_usage": True}, **settings) as s:
            chunks = list(s)
        for i, c in enumerate(a.choices):
            mine = [x.choices[0] for x in chunks if x.choices and x.choices[0].index == i]
            self.assertEqual("".join(x.text for x in mine), c.text)
            for what in ("tokens", "token_logprobs", "text_offset"):
                self.assertEqual([y for x in mine if x.logprobs for y in getattr(x.logprobs, what)], getattr(c.logprobs, what))
        self.assertEqual(chunks[-1].usage.completion_tokens, 12)
        # A prompt may be token ids: bytes, for this model.
        self.client.completions.create(model="cusp", prompt=[104, 105], max_tokens=1)

    def test_responses(self):
        a = self.client.responses.create(model="cusp", instructions="be short", input="hi", max_output_tokens=5, temperature=1, extra_body=GO_ON)
        self.assertEqual((a.object, a.status, a.incomplete_details.reason, a.usage.output_tokens), ("response", "incomplete", "max_output_tokens", 5))
        self.assertEqual(a.cusp["route"], "provisional")
        # The output is input of the next turn.
        b = self.client.responses.create(model="cusp", max_output_tokens=2, input=[{"role": "user", "content": "hi"}, *a.output, {"role": "user", "content": [{"type": "input_text", "text": "go on"}]}])
        self.assertIsInstance(b.output_text, str)
        c = self.client.responses.create(model="cusp", input="hi", max_output_tokens=4, temperature=1, top_logprobs=2, include=["message.output_text.logprobs"], extra_body=GO_ON)
        self.assertEqual(len(c.output[0].content[0].logprobs), 4)

    def test_responses_stream(self):
        with self.client.responses.stream(model="cusp", input="hi", max_output_tokens=12, temperature=1, extra_body=GO_ON) as s:
            events = list(s)
            # The helper has no final response of one that ended early.
        self.assertEqual([e.type for e in events[:4]], ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"])
        self.assertEqual(events[-1].type, "response.incomplete")
        self.assertEqual([e.sequence_number for e in events], list(range(len(events))))
        text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
        self.assertEqual(text, events[-1].response.output_text)
        self.assertEqual(events[-1].response.usage.output_tokens, 12)

    def test_responses_parse(self):
        a = self.client.responses.parse(model="cusp", input="hi", text_format=Lamp, temperature=1, max_output_tokens=400)
        self.assertIsInstance(a.output_parsed, Lamp)
        with self.client.responses.stream(model="cusp", input="hi", text_format=Lamp, temperature=1, max_output_tokens=400) as s:
            s.until_done()
            self.assertIsInstance(s.get_final_response().output_parsed, Lamp)

    def test_responses_tools(self):
        tool = openai.pydantic_function_tool(Lamp)["function"]
        tools = [{"type": "function", **tool}]
        asked = [{"role": "user", "content": "hi"}]
        a = self.client.responses.create(model="cusp", input=asked, tools=tools, tool_choice="required", temperature=1, max_output_tokens=400)
        call = a.output[0]
        self.assertEqual((call.type, call.name, a.status), ("function_call", "Lamp", "completed"))
        Lamp.model_validate_json(call.arguments)
        self.client.responses.create(model="cusp", tools=tools, max_output_tokens=2, tool_choice="none", input=[*asked, *a.output, {"type": "function_call_output", "call_id": call.call_id, "output": "done"}])
        with self.client.responses.stream(model="cusp", input=asked, tools=tools, tool_choice={"type": "function", "name": "Lamp"}, temperature=1, max_output_tokens=400) as s:
            kinds = [e.type for e in s]
            final = s.get_final_response()
        self.assertIn("response.function_call_arguments.done", kinds)
        Lamp.model_validate_json(final.output[0].arguments)

    def test_embeddings(self):
        a = self.client.embeddings.create(model="bert", input=["turn it on", "turn it on", "off"])  # base64, which the client decodes
        b = self.client.embeddings.create(model="bert", input="off", encoding_format="float")
        self.assertEqual((len(a.data), len(a.data[0].embedding), a.data[2].index), (3, 32, 2))
        for x, y in ((a.data[0], a.data[1]), (a.data[2], b.data[0])):
            for v, w in zip(x.embedding, y.embedding):
                self.assertAlmostEqual(v, w, places=5)

    def test_models(self):
        names = [m.id for m in self.client.models.list()]
        self.assertLessEqual({"cusp", "random", "bert"}, set(names))
        for name in names:
            self.assertEqual(self.client.models.retrieve(name).id, name)

    # Leaving.

    def test_cancel(self):
        def leave():
            s = self.client.chat.completions.create(**LONG)
            for _, _ in zip(range(5), s):
                pass
            self.assertGreater(engine()["running"], 0)
            s.close()

        self.cancelled(leave)

    def test_cancel_responses(self):
        def leave():
            s = self.client.responses.create(model="cusp", input="hi", stream=True, temperature=1, max_output_tokens=3900, extra_body=GO_ON)
            for _, _ in zip(range(8), s):
                pass
            s.close()

        self.cancelled(leave)

    def test_timeout(self):
        def leave():
            with self.assertRaises(openai.APITimeoutError):
                self.client.with_options(timeout=0.3).chat.completions.create(**{**LONG, "stream": False})

        self.cancelled(leave)

    def test_cancel_task(self):
        async def ask():
            async with openai.AsyncOpenAI(base_url=os.environ["CUSP_URL"], api_key=os.environ["CUSP_TOKEN"], http_client=openai.DefaultAsyncHttpx2Client(transport=transport(httpx2.AsyncHTTPTransport))) as c:
                short = await c.chat.completions.create(model="cusp", messages=MESSAGES, max_tokens=3)
                self.assertTrue(short.choices)
                seen = 0
                async with await c.chat.completions.create(**LONG) as s:
                    async for _ in s:
                        if (seen := seen + 1) == 5:
                            break

        self.cancelled(lambda: asyncio.run(ask()))

    # Errors.

    def test_errors(self):
        chat = self.client.chat.completions.create
        for want, param, code, ask in (
            (openai.NotFoundError, "model", "model_not_found", lambda: chat(model="gpt-4o", messages=MESSAGES)),
            (openai.NotFoundError, "model", "model_not_found", lambda: self.client.models.retrieve("gpt-4o")),
            (openai.BadRequestError, "response_format", None, lambda: chat(model="cusp", messages=MESSAGES, response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "magic": 1}}})),
            (openai.BadRequestError, "messages", "context_length_exceeded", lambda: chat(model="cusp", messages=[{"role": "user", "content": "a" * 5000}])),
            (openai.BadRequestError, "prompt", "context_length_exceeded", lambda: self.client.completions.create(model="cusp", prompt="a" * 5000)),
            (openai.BadRequestError, "input", "context_length_exceeded", lambda: self.client.responses.create(model="cusp", input="a" * 5000)),
            (openai.BadRequestError, "temperature", None, lambda: chat(model="cusp", messages=MESSAGES, temperature=3)),
            (openai.BadRequestError, "messages[0].content[0]", None, lambda: chat(model="cusp", messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}])),
            (openai.BadRequestError, "tools", None, lambda: chat(model="cusp", messages=MESSAGES, tool_choice="required", tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "magic": 1}}}])),
            (openai.BadRequestError, "previous_response_id", None, lambda: self.client.responses.create(model="cusp", input="hi", previous_response_id="r1")),
            (openai.BadRequestError, "dimensions", None, lambda: self.client.embeddings.create(model="bert", input="x", dimensions=7)),
            (openai.BadRequestError, "model", None, lambda: chat(model="bert", messages=MESSAGES)),
            (openai.APIStatusError, None, "request_too_large", lambda: chat(model="cusp", messages=[{"role": "user", "content": "a" * (2 << 20)}])),
            (openai.NotFoundError, None, "not_found", lambda: self.client.files.list()),
        ):
            with self.assertRaises(want) as caught:
                ask()
            self.assertEqual((caught.exception.param, caught.exception.code), (param, code), caught.exception)
            self.assertTrue(caught.exception.message)
        # A stream that fails early is an error of the call.
        with self.assertRaises(openai.BadRequestError):
            chat(model="cusp", messages=[{"role": "user", "content": "a" * 5000}], stream=True)

    @unittest.skipUnless(TLS, "the socket has no keys: whoever can open it may ask")
    def test_bad_key(self):
        with client(api_key="another-key-0123456789") as c, self.assertRaises(openai.AuthenticationError) as caught:
            c.models.list()
        self.assertEqual(caught.exception.code, "invalid_api_key")


if __name__ == "__main__":
    unittest.main()
