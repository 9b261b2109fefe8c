// Package chat writes a conversation as the prompt of a model, with the Jinja
// template that the model brings along, as Hugging Face's
// apply_chat_template does: trim_blocks and lstrip_blocks are on, tojson keeps
// the order of keys and escapes nothing needlessly, raise_exception and
// strftime_now exist.
//
// A template is code from a file, so it runs confined: it reads no files,
// includes no other templates, and has bounds on its size, output, time,
// ranges and depth of recursion. A template that does not parse, fails or
// exceeds a bound is an error, never a panic. (Not bounded is the memory of one
// expression, such as a text that a hostile template doubles again and again.)
//
// It knows nothing of tokens: keeping the text of users from turning into
// control tokens is the business of package assistant.
package chat

import (
	"fmt"
	"slices"
	"strings"
)

// Message is one turn of a conversation.
type Message struct {
	Role    string // one of Roles
	Content string
}

// Roles are the roles that a message can have. Templates build the names of
// control tokens from them, hence no others.
var Roles = []string{"system", "developer", "user", "assistant", "tool"}

func check(messages []Message) error {
	if len(messages) == 0 {
		return fmt.Errorf("no messages to render")
	}
	for i, m := range messages {
		if !slices.Contains(Roles, m.Role) {
			return fmt.Errorf("message %d has role %q; roles are %s", i, m.Role, strings.Join(Roles, ", "))
		}
	}
	return nil
}
