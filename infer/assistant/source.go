package assistant

import (
	"fmt"

	"github.com/a472be26/cusp/infer/chat"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/sample"
)

// translates tells whether the model makes one text of another, as T5 and BART do,
// and so knows no conversations.
func (a *Assistant) translates() bool { return a.config.Kind == model.EncoderDecoder }

// source is the text of the only message that such a model can answer, in tokens,
// with those that the vocabulary wants around it.
func (a *Assistant) source(messages []chat.Message, o Options) ([]int32, error) {
	if len(messages) != 1 || messages[0].Role != "user" {
		return nil, &sample.OptionError{Option: "messages", Problem: fmt.Sprintf("messages: model %s makes one text of another and knows no conversations; send a single message of the user", a.name)}
	}
	if len(o.Tools) > 0 {
		return nil, &sample.OptionError{Option: "tools", Problem: fmt.Sprintf("tools: model %s makes one text of another and cannot read them", a.name)}
	}
	return a.framed(messages[0].Content), nil
}
