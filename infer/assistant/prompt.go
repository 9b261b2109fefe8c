package assistant

import (
	"fmt"
	"strings"

	"github.com/a472be26/cusp/infer/chat"
	"github.com/a472be26/cusp/infer/chat/jinja"
	"github.com/a472be26/cusp/infer/tokenizer"
)

// border separates what came from outside from marks of the prompt. It is a
// noncharacter of Unicode, not meant for interchange; where it came from
// outside it becomes U+FFFD.
const border = "\uFDD0"

// render writes the prompt for a conversation as text.
func (a *Assistant) render(messages []chat.Message, o Options) (*jinja.Text, error) {
	text, err := a.template.Render(chat.Conversation{
		Messages: messages, Tools: o.Tools, Documents: o.Documents, Variables: o.Variables, Continue: o.Continue,
		Special: SpecialTexts(a.tokens),
	})
	if err != nil {
		return nil, fmt.Errorf("write prompt for %s: %w", a.name, err)
	}
	return text, nil
}

// SpecialTexts are the texts of control tokens by the names that chat templates
// have for them.
func SpecialTexts(t *tokenizer.Tokenizer) map[string]string {
	return map[string]string{"bos_token": special(t, t.BOS), "eos_token": special(t, t.EOS)}
}

// special returns the text of a special token, or nothing when there is none.
func special(t *tokenizer.Tokenizer, which func() (int32, bool)) string {
	id, ok := which()
	if !ok {
		return ""
	}
	return t.Piece(id)
}

// encode returns the tokens of a prompt. Only what the template itself wrote can
// become control tokens: whatever came from outside has borders around it, and
// in it where it could be read as one.
func (a *Assistant) encode(prompt *jinja.Text) []int32 {
	var text strings.Builder
	for piece, outside := range prompt.Pieces() {
		if outside {
			piece = strings.ReplaceAll(piece, border, "\uFFFD")
			piece = border + a.tokens.Defuse(piece, border) + border
		}
		text.WriteString(piece)
	}
	return a.tokens.EncodePrompt(text.String(), border)
}
