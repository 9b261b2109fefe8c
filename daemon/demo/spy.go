package demo

import (
	"fmt"
	"strings"
	"sync"
)

// spy hears what passes the broker on the uplink's topics, to show that
// questions really travel.
type spy struct {
	mu        sync.Mutex // guards the fields below
	heard     []message
	followers map[string]func(payload string) // by topic
}

// message is one MQTT message.
type message struct {
	topic string
	bytes int
}

func (s *spy) hear(topic string, payload []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, message{topic, len(payload)})
	if f := s.followers[topic]; f != nil {
		f(string(payload))
	}
}

// follow passes the messages of one topic to f, which must not wait.
func (s *spy) follow(topic string, f func(payload string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.followers == nil {
		s.followers = map[string]func(string){}
	}
	s.followers[topic] = f
}

// traffic sums up the messages of one question: what went up, what came down.
type traffic struct{ asks, askBytes, answers, answerBytes int }

// about returns the traffic on the device's ask topic since mark, and on the
// answer topic of the question id.
func (s *spy) about(id string, mark int) traffic {
	s.mu.Lock()
	defer s.mu.Unlock()
	var t traffic
	for _, m := range s.heard[mark:] {
		switch {
		case strings.HasPrefix(m.topic, "cusp/cloud/ask/"):
			t.asks, t.askBytes = t.asks+1, t.askBytes+m.bytes
		case strings.HasPrefix(m.topic, "cusp/cloud/answer/") && strings.HasSuffix(m.topic, "/"+id):
			t.answers, t.answerBytes = t.answers+1, t.answerBytes+m.bytes
		}
	}
	return t
}

// mark is how much was heard until now.
func (s *spy) mark() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.heard)
}

func (t traffic) String() string {
	return fmt.Sprintf("%d message up (%d B), %d down (%d B)", t.asks, t.askBytes, t.answers, t.answerBytes)
}
