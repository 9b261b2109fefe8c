package huggingface

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// family is how one or more of transformers' classes become a GGUF file.
type family struct {
	arch string              // general.architecture
	plan func(p *plan) names // sets the keys and returns the rules for the tensors
}

// families has a line for every value of "architectures" in a config.json that
// can be read.
var families = map[string]family{
	"GPT2LMHeadModel":                     {"gpt2", gpt2},
	"GPTNeoXForCausalLM":                  {"gptneox", gptNeoX},
	"LlamaForCausalLM":                    {"llama", llamaFamily},
	"MistralForCausalLM":                  {"llama", mistral},
	"MixtralForCausalLM":                  {"llama", mixtral},
	"SmolLM3ForCausalLM":                  {"smollm3", smolLM3},
	"GraniteForCausalLM":                  {"granite", granite},
	"Qwen2ForCausalLM":                    {"qwen2", qwen2},
	"Qwen3ForCausalLM":                    {"qwen3", qwen3},
	"Qwen3MoeForCausalLM":                 {"qwen3moe", qwen3MoE},
	"Glm4ForCausalLM":                     {"glm4", glm4},
	"GlmForCausalLM":                      {"chatglm", glm},
	"ChatGLMModel":                        {"chatglm", chatGLM},
	"ChatGLMForConditionalGeneration":     {"chatglm", chatGLM},
	"BaichuanForCausalLM":                 {"baichuan", baichuan},
	"BaiChuanForCausalLM":                 {"baichuan", baichuan},
	"Gemma2ForCausalLM":                   {"gemma2", gemma2},
	"Gemma3ForCausalLM":                   {"gemma3", gemma3},
	"Phi3ForCausalLM":                     {"phi3", phi3},
	"BertModel":                           {"bert", bert},
	"BertForMaskedLM":                     {"bert", bert},
	"BertForSequenceClassification":       {"bert", bertClassifier},
	"RobertaModel":                        {"bert", roberta},
	"RobertaForMaskedLM":                  {"bert", roberta},
	"RobertaForSequenceClassification":    {"bert", robertaClassifier},
	"XLMRobertaModel":                     {"bert", roberta},
	"XLMRobertaForSequenceClassification": {"bert", robertaClassifier},
	"T5ForConditionalGeneration":          {"t5", t5},
	"T5WithLMHeadModel":                   {"t5", t5},
	"BartForConditionalGeneration":        {"bart", bart},
}

// ErrArchitecture means that a folder holds a model of a class that cannot be
// read; Raw can show it.
var ErrArchitecture = errors.New("architecture is not supported")

// Architectures lists the values of "architectures" that can be read.
func Architectures() []string { return slices.Sorted(maps.Keys(families)) }

// Classes lists those that become a general.architecture of GGUF.
func Classes(arch string) []string {
	return slices.DeleteFunc(Architectures(), func(class string) bool { return families[class].arch != arch })
}

func familyOf(config object) (family, error) {
	list := config.list("architectures")
	if len(list) == 0 {
		config.fail("architectures is missing: it names the class of the model")
	}
	if *config.err != nil {
		return family{}, *config.err
	}
	f, ok := families[fmt.Sprint(list[0])]
	if !ok {
		return family{}, fmt.Errorf("%s: %q: %w (supported: %s)", config.where, list[0], ErrArchitecture, strings.Join(Architectures(), ", "))
	}
	return f, nil
}
