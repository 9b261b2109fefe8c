package chat

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// Bounds on a template and one rendering of it. The largest published
// templates have about 20 kB.
const (
	maxSource = 128 << 10 // bytes
	maxOutput = 8 << 20   // bytes
	maxTime   = 10 * time.Second
	// maxBrackets is how deep brackets may nest in an expression: each level
	// takes kilobytes of stack, which no recover gives back when it is full.
	maxBrackets = 200
)

// Fallback is the template for a model that brings none: a plain transcript,
// since which control tokens such a model knows cannot be told.
const Fallback = `{% for message in messages %}{{ message.role | capitalize }}: {{ message.content }}

{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}`

// Template is a parsed chat template, safe for concurrent use.
type Template struct {
	parsed *exec.Template
	now    func() time.Time // for strftime_now
	limit  time.Duration    // of one rendering
	// developer says that the template knows the role; for the others, which
	// are older than it, a developer is the system.
	developer bool
}

// Parse reads a Jinja chat template, as in tokenizer.chat_template of a GGUF file.
func Parse(source string) (t *Template, err error) {
	defer recoverTo(&err, "parse chat template")
	if len(source) > maxSource {
		return nil, fmt.Errorf("parse chat template: it has %d bytes, more than %d", len(source), maxSource)
	}
	const name = "/chat_template"
	loader, err := loaders.NewMemoryLoader(map[string]string{name: source})
	if err != nil {
		return nil, fmt.Errorf("parse chat template: %w", err)
	}
	settings := config.New()
	settings.TrimBlocks = true
	settings.LeftStripBlocks = true
	if err := checkBrackets(source, settings); err != nil {
		return nil, fmt.Errorf("parse chat template: %w", err)
	}
	t = &Template{now: time.Now, limit: maxTime, developer: strings.Contains(source, "developer")}
	t.parsed, err = exec.NewTemplate(name, settings, loader, t.environment())
	if err != nil {
		return nil, fmt.Errorf("parse chat template: %s", withoutSource(err, source))
	}
	return t, nil
}

// checkBrackets refuses expressions that nest too deep for the parser.
func checkBrackets(source string, settings *config.Config) error {
	stream := tokens.LexAll(source, settings)
	for depth := 0; !stream.End(); {
		switch stream.Next().Type {
		case tokens.LeftParenthesis, tokens.LeftBracket, tokens.LeftBrace:
			if depth++; depth > maxBrackets {
				return fmt.Errorf("brackets nest deeper than %d", maxBrackets)
			}
		case tokens.RightParenthesis, tokens.RightBracket, tokens.RightBrace:
			depth--
		}
	}
	return nil
}

// withoutSource drops the whole template, which gonja puts into its errors.
func withoutSource(err error, source string) string {
	return strings.ReplaceAll(err.Error(), "'"+source+"'", "")
}

func (t *Template) environment() *exec.Environment {
	globals := exec.EmptyContext()
	for _, name := range []string{"cycler", "dict", "joiner"} {
		if function, ok := builtins.GlobalFunctions.Get(name); ok {
			globals.Set(name, function)
		}
	}
	for name, function := range functions {
		globals.Set(name, function)
	}
	globals.Set("strftime_now", t.strftimeNow)
	return &exec.Environment{
		Context:           globals,
		Filters:           exec.NewFilterSet(map[string]exec.FilterFunction{}).Update(builtins.Filters).Update(filters),
		Tests:             builtins.Tests,
		ControlStructures: structures,
		Methods:           methods(),
	}
}

// Render returns the prompt for messages. With addGenerationPrompt it ends
// where the assistant's answer begins. extra holds further variables, such as
// bos_token, eos_token and tools; a json.RawMessage among them keeps the order
// of its keys.
func (t *Template) Render(messages []Message, addGenerationPrompt bool, extra map[string]any) (text string, err error) {
	defer recoverTo(&err, "render chat template")
	if err := check(messages); err != nil {
		return "", fmt.Errorf("render chat template: %w", err)
	}
	variables, err := t.variables(messages, addGenerationPrompt, extra)
	if err != nil {
		return "", fmt.Errorf("render chat template: %w", err)
	}
	variables[budgetName] = &budget{limit: t.limit, deadline: time.Now().Add(t.limit)}
	var out bounded
	if err := t.parsed.Execute(&out, exec.NewContext(variables)); err != nil {
		return "", fmt.Errorf("render chat template: %w", err)
	}
	return out.String(), nil
}

func (t *Template) variables(messages []Message, addGenerationPrompt bool, extra map[string]any) (map[string]any, error) {
	all := maps.Clone(extra)
	if all == nil {
		all = make(map[string]any)
	}
	for name, value := range all {
		raw, ok := value.(json.RawMessage)
		if !ok {
			continue
		}
		v, err := ordered(raw)
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", name, err)
		}
		all[name] = v
	}
	turns := make(list, len(messages))
	for i, m := range messages {
		role := m.Role
		if role == "developer" && !t.developer {
			role = "system"
		}
		turns[i] = map[string]any{"role": role, "content": m.Content}
	}
	all["messages"] = turns
	all["add_generation_prompt"] = addGenerationPrompt
	return all, nil
}

// bounded collects output and fails when there is too much.
type bounded struct{ strings.Builder }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxOutput {
		return 0, fmt.Errorf("output exceeds %d bytes", maxOutput)
	}
	return b.Builder.Write(p)
}

func (b *bounded) WriteString(s string) (int, error) {
	if b.Len()+len(s) > maxOutput {
		return 0, fmt.Errorf("output exceeds %d bytes", maxOutput)
	}
	return b.Builder.WriteString(s)
}

// recoverTo turns a panic of the template engine into an error: a template is
// input, and no input may end the program.
func recoverTo(err *error, step string) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: the template engine failed: %v", step, p)
	}
}
