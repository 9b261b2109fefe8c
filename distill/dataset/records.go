package dataset

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// record is one chat of the fleet's recorded hard questions, in the chat
// format of the OpenAI API.
type record struct {
	Messages []struct {
		Role    string            `json:"role"`
		Content string            `json:"content"`
		Calls   []json.RawMessage `json:"tool_calls"`
	} `json:"messages"`
	Privacy string `json:"privacy"` // "private" never trains anything, should such a line get here
}

// records reads dir/records/*.jsonl: the last user turn is the question and
// the assistant turn after it the answer. Chats without an answer are left to
// OpenQuestions; answers that are calls of tools are another matter than text, and
// left out.
func records(dir string) ([]Example, error) {
	return readRecords(dir, func(e Example) bool { return e.Reply != "" })
}

// OpenQuestions are the recorded questions that nobody has answered yet.
func OpenQuestions(dir string) ([]string, error) {
	open, err := readRecords(dir, func(e Example) bool { return e.Reply == "" })
	var texts []string
	for _, e := range open {
		texts = append(texts, e.Text)
	}
	return texts, err
}

func readRecords(dir string, keep func(Example) bool) ([]Example, error) {
	files, err := filepath.Glob(filepath.Join(dir, recordsDir, "*.jsonl"))
	if err != nil {
		return nil, err
	}
	var out []Example
	for _, file := range files {
		err := eachLine(file, func(line []byte) error {
			var r record
			if err := json.Unmarshal(line, &r); err != nil {
				return err
			}
			if e := r.example(); e.Text != "" && r.Privacy == "" && keep(e) {
				out = append(out, e)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r record) example() Example {
	e := Example{Source: "records"}
	for _, m := range r.Messages {
		switch m.Role {
		case "user":
			e.Text, e.Reply = m.Content, ""
		case "assistant":
			if e.Reply = m.Content; len(m.Calls) > 0 {
				e.Text = ""
			}
		}
	}
	return e
}

// exists reports whether a file or folder is there.
func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
