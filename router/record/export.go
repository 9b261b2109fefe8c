package record

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"github.com/a472be26/cusp/router"
)

// ExportHard writes the questions that the cloud answered as lines for
// training, {"messages": [..., {"role": "assistant", "content": ANSWER}]}:
// the latest answer to each, oldest question first, never a private one. It
// returns how many it wrote.
func (l *Log) ExportHard(w io.Writer) (int, error) {
	left := map[string]int{} // by id: lessons not seen yet
	err := l.Each(func(e Entry) error {
		if e.isLesson() {
			left[e.id()]++
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("export hard questions: %w", err)
	}
	out := bufio.NewWriter(w)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	written := 0
	err = l.Each(func(e Entry) error {
		if !e.isLesson() {
			return nil
		}
		if left[e.id()]--; left[e.id()] != 0 {
			return nil
		}
		written++
		messages := append(e.Question.Messages[:len(e.Question.Messages):len(e.Question.Messages)], router.Message{Role: "assistant", Content: e.Answer})
		return encoder.Encode(map[string]any{"messages": messages})
	})
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return written, fmt.Errorf("export hard questions: %w", err)
	}
	return written, nil
}

// isLesson is whether e can teach the student something.
func (e Entry) isLesson() bool {
	return e.Receipt.Route == router.RouteCloud && e.Question.Privacy == router.Public &&
		e.Answer != "" && len(e.ToolCalls) == 0 && len(e.Question.Messages) > 0
}
