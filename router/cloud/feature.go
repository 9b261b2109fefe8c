package cloud

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/a472be26/cusp/router"
)

// Feature is something that a question can ask for beyond an answer to its
// messages, named as in OpenAI's API.
type Feature string

// Features. Settings that only the device's own engine knows (top_k, min_p, DRY,
// ...) are none: no provider gets them, see [router.Options].
const (
	Tools            Feature = "tools"
	ToolChoice       Feature = "tool_choice"         // other than "auto"
	OneToolCall      Feature = "parallel_tool_calls" // false: no more than one call
	JSONObject       Feature = "json_object"
	JSONSchema       Feature = "json_schema"
	Stop             Feature = "stop"
	Temperature      Feature = "temperature"
	TopP             Feature = "top_p"
	FrequencyPenalty Feature = "frequency_penalty"
	PresencePenalty  Feature = "presence_penalty"
	Seed             Feature = "seed"
	ReasoningEffort  Feature = "reasoning_effort"
)

// Ignorable are the features that an operator may have left out of requests, where
// a provider lacks them: the answer is an answer all the same.
var Ignorable = []Feature{Temperature, TopP, FrequencyPenalty, PresencePenalty, Seed, ReasoningEffort}

// supported says which features each kind of provider has. docs/cloud.md shows it.
var supported = map[string][]Feature{
	KindOpenAI:    {Tools, ToolChoice, OneToolCall, JSONObject, JSONSchema, Stop, Temperature, TopP, FrequencyPenalty, PresencePenalty, Seed, ReasoningEffort},
	KindAnthropic: {Tools, ToolChoice, OneToolCall, JSONSchema, Stop, Temperature, TopP, ReasoningEffort},
	KindGemini:    {Tools, ToolChoice, JSONObject, JSONSchema, Stop, Temperature, TopP, FrequencyPenalty, PresencePenalty, Seed, ReasoningEffort},
	KindTriton:    {Stop, Temperature, TopP, FrequencyPenalty, PresencePenalty, Seed},
	KindLocal:     {Tools, ToolChoice, OneToolCall, JSONObject, JSONSchema, Stop, Temperature, TopP, FrequencyPenalty, PresencePenalty, Seed, ReasoningEffort},
}

// Kinds of providers.
const (
	KindOpenAI    = "openai" // and whatever speaks its chat completions
	KindAnthropic = "anthropic"
	KindGemini    = "gemini"
	KindTriton    = "triton"
	KindLocal     = "local"
)

// Supports reports whether providers of a kind have a feature.
func Supports(kind string, f Feature) bool { return slices.Contains(supported[kind], f) }

// features are what the request asks for.
func (r Request) features() []Feature {
	o := r.Options
	var all []Feature
	add := func(asked bool, f Feature) {
		if asked {
			all = append(all, f)
		}
	}
	add(len(o.Tools) > 0 || hasCalls(r.Messages), Tools)
	add(o.ToolChoice != "" && o.ToolChoice != router.ChoiceAuto && len(o.Tools) > 0, ToolChoice)
	add(o.OneCall && len(o.Tools) > 0, OneToolCall)
	format := formatOf(o)
	add(format.Type == string(JSONObject), JSONObject)
	add(format.Type == string(JSONSchema), JSONSchema)
	add(len(o.Stop) > 0, Stop)
	add(o.Temperature != nil, Temperature)
	add(o.TopP != nil, TopP)
	add(o.Frequency != 0, FrequencyPenalty)
	add(o.Presence != 0, PresencePenalty)
	add(o.Seed != nil, Seed)
	add(o.ReasoningEffort != "", ReasoningEffort)
	return all
}

func hasCalls(messages []router.Message) bool {
	return slices.ContainsFunc(messages, func(m router.Message) bool { return len(m.ToolCalls) > 0 || m.Role == "tool" })
}

// without is the request with features left out that the provider need not know.
func (r Request) without(ignored []Feature) Request {
	for _, f := range ignored {
		switch f {
		case Temperature:
			r.Options.Temperature = nil
		case TopP:
			r.Options.TopP = nil
		case FrequencyPenalty:
			r.Options.Frequency = 0
		case PresencePenalty:
			r.Options.Presence = 0
		case Seed:
			r.Options.Seed = nil
		case ReasoningEffort:
			r.Options.ReasoningEffort = ""
		}
	}
	return r
}

// check refuses what providers of a kind cannot do.
func (r Request) check(kind string) *Error {
	var missing []string
	for _, f := range r.features() {
		if !Supports(kind, f) {
			missing = append(missing, string(f))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return refusal("providers of kind %s have no %s", kind, strings.Join(missing, ", "))
}

func refusal(format string, args ...any) *Error {
	return &Error{Code: CodeRefused, Err: fmt.Errorf(format, args...)}
}

// format is a response_format of OpenAI's API.
type format struct {
	Type       string `json:"type"`
	JSONSchema struct {
		Name   string          `json:"name"`
		Schema json.RawMessage `json:"schema"`
	} `json:"json_schema"`
}

// formatOf reads the response format; one that is not readable is none, and the
// provider's to complain of.
func formatOf(o router.Options) (f format) {
	_ = json.Unmarshal(o.ResponseFormat, &f)
	return f
}

// tool is a function of OpenAI's API that the model may call.
type tool struct {
	Type     string `json:"type"`
	Function struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Parameters  json.RawMessage `json:"parameters"`
		Strict      bool            `json:"strict"`
	} `json:"function"`
}

// toolsOf reads the tools for providers that write them in another way.
func toolsOf(o router.Options) ([]tool, error) {
	if len(o.Tools) == 0 {
		return nil, nil
	}
	var all []tool
	if err := json.Unmarshal(o.Tools, &all); err != nil {
		return nil, &Error{Code: CodeBadRequest, Err: fmt.Errorf("tools: %w", err)}
	}
	for i, t := range all {
		if t.Type != "function" || t.Function.Name == "" {
			return nil, &Error{Code: CodeBadRequest, Err: fmt.Errorf("tools[%d] is no function with a name", i)}
		}
	}
	return all, nil
}

// object reads a JSON object; empty text is an empty one.
func object(what, text string) (map[string]any, error) {
	if strings.TrimSpace(text) == "" {
		return map[string]any{}, nil
	}
	var o map[string]any
	if err := json.Unmarshal([]byte(text), &o); err != nil || o == nil {
		return nil, &Error{Code: CodeBadRequest, Err: fmt.Errorf("%s are not a JSON object", what)}
	}
	return o, nil
}
