"""What a client wants, read from the body of its request and checked, as frozen values.

The names are OpenAI's, and llama-server's and vLLM's for what that lacks. Knows no HTTP and no
engine.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import msgspec

from ..errors import Advice, ChatError
from ..generation.settings import N_TOP

MAX_STOPS = 16
STOP_LENGTH = 1000
"""Characters; every token is held against every stop."""

Size = Annotated[int, msgspec.Meta(ge=1, le=1 << 31)]
Ids = list[Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)]]
Penalty = Annotated[float, msgspec.Meta(ge=-2, le=2)]
Factor = Annotated[float, msgspec.Meta(gt=0, le=10)]
Chance = Annotated[float, msgspec.Meta(ge=0, le=1)]

Stop = Annotated[str, msgspec.Meta(max_length=STOP_LENGTH)]
Stops = Stop | Annotated[list[Stop], msgspec.Meta(max_length=MAX_STOPS)] | None
Few = Annotated[int, msgspec.Meta(ge=0, le=N_TOP)]
Wanted = TypeVar("Wanted", bound=msgspec.Struct)


class BadRequestError(ChatError):
    """A request that can't be answered, and why; ``status`` is HTTP's, ``code`` is OpenAI's."""

    def __init__(
        self, message: str, hint: str | Advice = "", *, status: int = 400, code: str = ""
    ) -> None:
        """Take what is wrong, and what to do about it."""
        super().__init__(message, hint)
        self.status, self.code = status, code


class Part(msgspec.Struct, frozen=True):
    """A piece of a message; of the kinds that there are, text is what a model here can read."""

    type: str
    text: str = ""


class Said(msgspec.Struct, frozen=True):
    """A message of a conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """All that it says. Raises ``BadRequestError`` for what is no text."""
        if not isinstance(self.content, list):
            return self.content or ""
        if other := next((part.type for part in self.content if part.type != "text"), ""):
            raise BadRequestError(f"a message has a part of type {other!r}", "text alone is read")
        return "".join(part.text for part in self.content)


class JsonSchema(msgspec.Struct, frozen=True):
    """OpenAI's wrapping of a schema."""

    schema: dict[str, Any] = {}
    name: str = ""


class ResponseFormat(msgspec.Struct, frozen=True):
    """What a reply has to be."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class StreamOptions(msgspec.Struct, frozen=True):
    """What a stream has besides its text."""

    include_usage: bool = False


class Common(msgspec.Struct, frozen=True):
    """What both ways of asking for text have; None is the model's own, or the program's."""

    model: str | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: Size | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Chance | None = None
    top_k: Annotated[int, msgspec.Meta(ge=-1)] | None = None
    min_p: Chance | None = None
    repeat_penalty: Factor | None = None
    repetition_penalty: Factor | None = None  # the same, as vLLM calls it
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    seed: int | None = None
    stop: Stops = None
    n: int | None = 1
    logit_bias: dict[str, float] | None = None
    response_format: ResponseFormat | None = None
    user: str | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        """The strings that end a text."""
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(stop for stop in stops if stop)

    @property
    def with_usage(self) -> bool:
        """Whether a stream ends with a count of tokens."""
        return self.stream_options is not None and self.stream_options.include_usage


class ChatRequest(Common, frozen=True, kw_only=True):
    """The body of ``/v1/chat/completions``."""

    messages: Annotated[list[Said], msgspec.Meta(min_length=1)]
    max_completion_tokens: Size | None = None
    logprobs: bool | None = False
    top_logprobs: Few | None = None
    tools: list[Any] | None = None


class CompletionRequest(Common, frozen=True, kw_only=True):
    """The body of ``/v1/completions``."""

    prompt: str | list[Any]
    logprobs: Few | None = None
    echo: bool | None = False
    suffix: str | None = None
    return_token_ids: bool | None = False
    return_tokens_as_token_ids: bool | None = False

    @property
    def text_or_ids(self) -> str | list[int]:
        """The one prompt there is. Raises ``BadRequestError`` for several."""
        prompt = self.prompt
        if isinstance(prompt, list) and len(prompt) == 1 and isinstance(prompt[0], str | list):
            prompt = prompt[0]
        if isinstance(prompt, str):
            return prompt
        try:
            return msgspec.convert(prompt, Ids)
        except msgspec.ValidationError:
            raise BadRequestError("prompt is one text, or one list of ids") from None


class TokenizeRequest(msgspec.Struct, frozen=True):
    """The body of ``/tokenize``, llama-server's or vLLM's."""

    content: str | None = None
    prompt: str | None = None
    add_special: bool = False
    add_special_tokens: bool = True  # as vLLM has it

    @property
    def text(self) -> str:
        """The text. Raises ``BadRequestError`` where there is none."""
        text = self.prompt if self.content is None else self.content
        if text is None:
            raise BadRequestError("there is no content")
        return text

    @property
    def begins(self) -> bool:
        """Whether what begins a text is wanted before it."""
        return self.add_special if self.prompt is None else self.add_special_tokens


class DetokenizeRequest(msgspec.Struct, frozen=True):
    """The body of ``/detokenize``, llama-server's."""

    tokens: Ids


def read_body(kind: type[Wanted], body: bytes) -> Wanted:
    """Read the body of a request. Raises ``BadRequestError`` that names the place."""
    try:
        wanted = msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as e:
        raise BadRequestError(f"the body can't be used: {e}") from None
    if isinstance(wanted, Common):
        _refuse_unknown(wanted)
    return wanted


def _refuse_unknown(wanted: Common) -> None:
    """Raise ``BadRequestError`` for what would change an answer and isn't done here."""
    refused = {
        "n": wanted.n not in (None, 1),
        "logit_bias": bool(wanted.logit_bias),
        "tools": isinstance(wanted, ChatRequest) and bool(wanted.tools),
        "echo": isinstance(wanted, CompletionRequest) and bool(wanted.echo),
        "suffix": isinstance(wanted, CompletionRequest) and bool(wanted.suffix),
    }
    if name := next((name for name, is_there in refused.items() if is_there), ""):
        raise BadRequestError(f"{name} isn't known here", "leave it out", code="unsupported")
