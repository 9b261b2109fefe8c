package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a472be26/cusp/router"
)

// several is an Answerer whose answer names the question that it was asked, in
// two pieces, with log-probabilities if they are wanted.
type several struct {
	mu    sync.Mutex
	asked []router.Question
	fail  string // id of the question that fails
	cloud string // id of the question that the cloud answers
}

var _ Answerer = (*several)(nil)

func (s *several) Answer(ctx context.Context, q router.Question, emit func(router.Delta) error) (router.Answer, error) {
	s.mu.Lock()
	s.asked = append(s.asked, q)
	s.mu.Unlock()
	if q.ID == s.fail {
		return router.Answer{}, errors.New("engine broke")
	}
	if s.fail != "" {
		<-ctx.Done() // the failure of one ends the others
		return router.Answer{}, ctx.Err()
	}
	a := router.Answer{Text: "I am " + q.ID, Finish: "stop", Receipt: receipt(q)}
	if q.ID == s.cloud {
		a.Receipt.Route = router.RouteCloud
	} else if q.Options.LogProbs {
		a.LogProbs = []router.LogProb{
			{Text: "I am ", Bytes: []byte("I am "), LogProb: -0.5, Top: []router.LogProb{{Text: "I am ", Bytes: []byte("I am "), LogProb: -0.5}, {Text: "<end>", LogProb: -1}}},
			{Text: "\ufffd", Bytes: []byte{0xe4}, LogProb: -1e30},
		}
	}
	if emit == nil {
		return a, nil
	}
	// The first piece has the log-probabilities of its token, the second has none.
	return a, errors.Join(emit(router.Delta{Text: "I am ", LogProbs: a.LogProbs[:min(1, len(a.LogProbs))]}), emit(router.Delta{Text: q.ID}))
}

func TestSeveralChoices(t *testing.T) {
	t.Parallel()
	s := &several{cloud: "q:2"}
	resp := post(s, "POST", "/v1/chat/completions", with(`"n":3,"seed":7,"cusp":{"id":"q"}`))
	m := decode(t, resp.Body)
	all := m["choices"].([]any)
	if resp.StatusCode != 200 || len(all) != 3 || resp.Header.Get(routeHeader) != "mixed" {
		t.Fatalf("status %s, %d choices, route %s", resp.Status, len(all), resp.Header.Get(routeHeader))
	}
	for i, c := range all {
		id := "q"
		if i > 0 {
			id = fmt.Sprint("q:", i)
		}
		c := c.(map[string]any)
		if c["index"] != float64(i) || c["message"].(map[string]any)["content"] != "I am "+id || c["cusp"].(map[string]any)["id"] != id {
			t.Errorf("choice %d is %v", i, c)
		}
	}
	requireMembers(t, m, "cusp.id")
	if u := m["usage"].(map[string]any); u["prompt_tokens"] != 4. || u["completion_tokens"] != 6. || u["total_tokens"] != 10. {
		t.Errorf("usage %v", u)
	}
	// Every question has its own seed, and all follow from the first.
	slices.SortFunc(s.asked, func(a, b router.Question) int { return strings.Compare(a.ID, b.ID) })
	for i, want := range []int64{7, 0x63cbe1e459320dd7, 0x044c3cd7f43c661c} { // SplitMix64 from 7
		if got := *s.asked[i].Options.Seed; got != want {
			t.Errorf("seed %d is %#x, want %#x", i, got, want)
		}
	}
}

func TestSeveralChoicesInAStream(t *testing.T) {
	t.Parallel()
	for _, usage := range []bool{false, true} {
		s := &several{cloud: "q:1"}
		body := with(fmt.Sprintf(`"n":3,"stream":true,"logprobs":true,"stream_options":{"include_usage":%v},"cusp":{"id":"q"}`, usage))
		got := chunks(t, post(s, "POST", "/v1/chat/completions", body).Body)
		text, roles, finished, probs := [3]string{}, [3]int{}, [3]int{}, [3]int{}
		for i, c := range got {
			if _, has := c["cusp"]; has != (i == len(got)-1) {
				t.Errorf("chunk %d of %d: receipt %v", i, len(got), has)
			}
			for _, c := range c["choices"].([]any) {
				c := c.(map[string]any)
				at, d := int(c["index"].(float64)), c["delta"].(map[string]any)
				if finished[at] > 0 {
					t.Errorf("choice %d goes on after its end", at)
				}
				if d["role"] != nil {
					roles[at]++
				}
				if piece, ok := d["content"].(string); ok {
					text[at] += piece
				}
				if l, ok := c["logprobs"].(map[string]any); ok {
					probs[at] += len(l["content"].([]any))
					if (d["content"] == "I am ") != (l["content"].([]any)[0].(map[string]any)["token"] == "I am ") {
						t.Errorf("log-probabilities %v come with %v", l, d)
					}
				}
				if c["finish_reason"] != nil {
					finished[at]++
					requireMembers(t, c, "cusp.id")
				}
			}
		}
		if text != [3]string{"I am q", "I am q:1", "I am q:2"} || roles != [3]int{1, 1, 1} || finished != [3]int{1, 1, 1} || probs != [3]int{2, 0, 2} {
			t.Errorf("texts %q, roles %v, ends %v, log-probabilities %v", text, roles, finished, probs)
		}
	}
}

// One failure is the failure of all, and ends what the others do.
func TestOneOfSeveralFails(t *testing.T) {
	t.Parallel()
	for _, stream := range []bool{false, true} {
		resp := post(&several{fail: "q:1"}, "POST", "/v1/chat/completions", with(fmt.Sprintf(`"n":3,"stream":%v,"cusp":{"id":"q"}`, stream)))
		if message := fmt.Sprint(decode(t, resp.Body)["error"]); resp.StatusCode != 500 || !strings.Contains(message, "engine broke") {
			t.Errorf("status %s, %s", resp.Status, message)
		}
	}
}

func TestLogProbsHaveOpenAIsShape(t *testing.T) {
	t.Parallel()
	m := decode(t, post(&several{}, "POST", "/v1/chat/completions", with(`"logprobs":true,"top_logprobs":2`)).Body)
	got := m["choices"].([]any)[0].(map[string]any)["logprobs"]
	want := map[string]any{"refusal": nil, "content": []any{
		map[string]any{"token": "I am ", "logprob": -0.5, "bytes": []any{73., 32., 97., 109., 32.}, "top_logprobs": []any{
			map[string]any{"token": "I am ", "logprob": -0.5, "bytes": []any{73., 32., 97., 109., 32.}},
			map[string]any{"token": "<end>", "logprob": -1., "bytes": nil},
		}},
		map[string]any{"token": "\ufffd", "logprob": -9999., "bytes": []any{228.}, "top_logprobs": []any{}},
	}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	m = decode(t, post(&several{cloud: "q"}, "POST", "/v1/chat/completions", with(`"logprobs":true,"cusp":{"id":"q"}`)).Body)
	if got := m["choices"].([]any)[0].(map[string]any)["logprobs"]; got != nil {
		t.Errorf("with an answer from the cloud they are %v", got)
	}
}

// The streams of several choices come over a real connection, too, and a client
// that leaves ends them all.
func TestLeavingClientEndsAllChoices(t *testing.T) {
	t.Parallel()
	s := &script{pieces: []string{"a", "b"}, hold: make(chan struct{}), ended: make(chan error, 3)}
	c := serve(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	resp, err := c.do(ctx, "POST", "/v1/chat/completions", []byte(with(`"n":3,"stream":true`)))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	resp.Body.Close()
	for range 3 {
		select {
		case err := <-s.ended:
			if err == nil {
				t.Error("an answer ran to its end")
			}
		case <-time.After(5 * time.Second):
			t.Fatal("an answer still runs")
		}
	}
}
