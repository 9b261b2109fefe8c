package uplink

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/router"
)

func TestAssemblyInAnyOrderAndAnyNumberOfTimes(t *testing.T) {
	t.Parallel()
	words := strings.SplitAfter("the quick brown fox jumps over the lazy dog", " ")
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var messages []Answer
		for i, w := range words {
			m := Answer{ID: "q", Seq: i, Delta: w, Done: i == len(words)-1}
			for range 1 + r.IntN(3) {
				messages = append(messages, m)
			}
		}
		r.Shuffle(len(messages), func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
		a := newAssembly("")
		for _, m := range messages {
			if err := a.add(m, time.Now()); err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(strings.Join(words, ""), string(a.text)) {
				t.Fatalf("seed %d: text %q is out of order", seed, a.text)
			}
		}
		if a.last == nil || string(a.text) != strings.Join(words, "") || !a.gap.IsZero() {
			t.Fatalf("seed %d: text %q, last %v, gap %v", seed, a.text, a.last, a.gap)
		}
	}
}

// Reasoning and calls are put together like the text.
func TestAssemblyOfCalls(t *testing.T) {
	t.Parallel()
	call := func(i int, id, name, arguments string) []router.CallDelta {
		return []router.CallDelta{{Index: i, ID: id, Name: name, Arguments: arguments}}
	}
	messages := []Answer{
		{Seq: 0, Reasoning: "h"}, {Seq: 1, Reasoning: "m"}, {Seq: 2, Calls: call(0, "c", "f", `{"a":`)},
		{Seq: 3, Calls: call(0, "", "", "1}")}, {Seq: 4, Calls: call(1, "d", "g", "{}")}, {Seq: 5, Done: true, Finish: "tool_calls"},
	}
	rand.Shuffle(len(messages), func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
	a := newAssembly("")
	for _, m := range messages {
		if err := a.add(m, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	want := []router.ToolCall{{ID: "c", Name: "f", Arguments: `{"a":1}`}, {ID: "d", Name: "g", Arguments: "{}"}}
	if string(a.reason) != "hm" || !reflect.DeepEqual(a.calls, want) || a.held != 0 || a.last == nil {
		t.Errorf("%+v", a)
	}
	big := []router.CallDelta{{Arguments: strings.Repeat("x", MaxTextBytes/2+1)}}
	a = newAssembly("")
	if err := a.add(Answer{Seq: 0, Calls: big}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := a.add(Answer{Seq: 1, Calls: big}, time.Now()); err == nil {
		t.Error("an endless call was taken")
	}
	a = newAssembly("")
	if err := a.add(Answer{Seq: 0, Calls: call(1, "c", "f", "{}")}, time.Now()); err == nil {
		t.Error("a second call was taken before the first")
	}
}

func TestAssemblyBounds(t *testing.T) {
	t.Parallel()
	a, now := newAssembly(""), time.Now()
	for seq := 1; seq < 3*maxAhead; seq++ {
		if err := a.add(Answer{Seq: seq}, now); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.ahead) > maxAhead {
		t.Errorf("%d messages are held, at most %d may be", len(a.ahead), maxAhead)
	}
	big := strings.Repeat("x", MaxTextBytes/2+1)
	if err := a.add(Answer{Seq: 0, Delta: big}, now); err != nil {
		t.Fatal(err)
	}
	if err := a.add(Answer{Seq: a.next, Delta: big}, now); err == nil {
		t.Error("an endless answer was taken")
	}
}

func TestAssemblyGapStartsAgainWithEveryStep(t *testing.T) {
	t.Parallel()
	a, start := newAssembly(""), time.Now()
	a.add(Answer{Seq: 1}, start)
	if a.gap != start {
		t.Errorf("gap since %v, want %v", a.gap, start)
	}
	later := start.Add(time.Second)
	a.add(Answer{Seq: 3}, later)
	if a.gap != start {
		t.Errorf("gap since %v, want %v", a.gap, start)
	}
	a.add(Answer{Seq: 0}, later)
	if a.gap != later {
		t.Errorf("gap since %v, want %v: 2 is missing now", a.gap, later)
	}
	a.add(Answer{Seq: 2}, later)
	if !a.gap.IsZero() {
		t.Errorf("gap since %v, want none", a.gap)
	}
}
