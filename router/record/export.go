package record

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/a472be26/cusp/router"
)

// ExportOptions choose what [Log.Export] writes.
type ExportOptions struct {
	Routes []router.Route    // of the answers; none: the cloud's, which have something to teach
	Change func(Entry) Entry // applied before writing, to hide more; nil: nothing is
}

// chat is a line of an export: OpenAI's chat format, as for fine-tuning.
type chat struct {
	Messages []router.Message `json:"messages"`
	Tools    json.RawMessage  `json:"tools,omitempty"`
}

// Export writes conversations with their answers as lines for training,
// {"messages": [..., {"role": "assistant", ...}], "tools": [...]}: of the same
// conversation the latest answer only, never a private one, nothing without text. It
// returns how many it wrote.
func (l *Log) Export(w io.Writer, o ExportOptions) (int, error) {
	if len(o.Routes) == 0 {
		o.Routes = []router.Route{router.RouteCloud}
	}
	// 1. Count the answers to each conversation.
	left := map[[sha256.Size]byte]int{}
	err := l.Each(func(e Entry) error {
		if e.teaches(o.Routes) {
			left[e.conversation()]++
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("export records: %w", err)
	}
	// 2. Write the last one.
	out := bufio.NewWriter(w)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	written := 0
	err = l.Each(func(e Entry) error {
		if !e.teaches(o.Routes) {
			return nil
		}
		key := e.conversation()
		if left[key]--; left[key] != 0 {
			return nil
		}
		if o.Change != nil {
			if e = o.Change(e); !e.teaches(o.Routes) {
				return nil
			}
		}
		written++
		return encoder.Encode(e.chat())
	})
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return written, fmt.Errorf("export records: %w", err)
	}
	return written, nil
}

// teaches is whether e has a conversation with an answer that came by one of the
// routes.
func (e Entry) teaches(routes []router.Route) bool {
	return slices.Contains(routes, e.Receipt.Route) && e.Question.Privacy == router.Public &&
		(e.Answer != "" || len(e.ToolCalls) > 0) && len(e.Question.Messages) > 0
}

// conversation identifies what was asked.
func (e Entry) conversation() [sha256.Size]byte {
	text, _ := json.Marshal(chat{e.Question.Messages, e.Question.Options.Tools}) // was decoded from JSON
	return sha256.Sum256(text)
}

func (e Entry) chat() chat {
	answer := router.Message{Role: "assistant", Content: e.Answer, ToolCalls: e.ToolCalls}
	return chat{append(slices.Clone(e.Question.Messages), answer), e.Question.Options.Tools}
}
