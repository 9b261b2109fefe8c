package uplink

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// alive is a sign of life of worker w1.
func alive(id, run string) Answer { return Answer{ID: id, Run: run, Worker: "w1", Alive: true} }

func (r *rig) wantResume(want Resume) {
	r.t.Helper()
	got := <-r.link.resumed
	got.Envelope = 0
	if !reflect.DeepEqual(got, want) {
		r.t.Errorf("resume %+v, want %+v", got, want)
	}
}

// wantNoAsk checks that the question was not sent once more.
func (r *rig) wantNoAsk() {
	r.t.Helper()
	settle()
	if n := len(r.link.sent); n > 0 {
		r.t.Errorf("the question was sent %d times more", n)
	}
}

func TestOnlyWhatIsMissingIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, true, "", nil)
		a := r.ask(t.Context(), "q")
		r.wantSent("q")
		r.reply(alive("q", "r"), delta("q", "r", 0, "a"), delta("q", "r", 2, "c"), delta("q", "r", 5, "f"), delta("q", "r", 6, "g"))
		start := time.Now()
		r.wantResume(Resume{ID: "q", Run: "r", Missing: [][2]int{{1, 1}, {3, 4}}, From: 7})
		if took := time.Since(start); took < 2*time.Second || took > 3*time.Second {
			t.Errorf("asked for the gap after %v", took)
		}
		r.reply(delta("q", "r", 4, "e"), delta("q", "r", 1, "b"), delta("q", "r", 4, "e"), delta("q", "r", 3, "d"), done("q", "r", 7))
		r.wantAnswer(a, "abcdefg")
		r.wantNoAsk()
		r.wantEmpty()
	})
}

func TestLinkThatComesBackResumes(t *testing.T) {
	for name, before := range map[string][]Answer{
		"in mid-answer":          {delta("q", "r", 0, "a")},
		"before the first words": nil,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, true, "", nil)
				a := r.ask(t.Context(), "q")
				r.wantSent("q")
				r.reply(append([]Answer{alive("q", "r")}, before...)...)
				r.link.set(false)
				settle()
				r.link.set(true)
				r.wantResume(Resume{ID: "q", Run: "r", From: len(before)})
				r.reply(delta("q", "r", 0, "a"), delta("q", "r", 1, "b"), done("q", "r", 2))
				r.wantAnswer(a, "ab")
				r.wantNoAsk()
				r.wantEmpty()
			})
		})
	}
}

func TestAllWorkersAreAskedWhenOneIsGone(t *testing.T) {
	for name, c := range map[string]struct {
		reply  []Answer
		within time.Duration
	}{
		"it says nothing":     {nil, 4 * time.Second},
		"it has forgotten it": {[]Answer{failed("q", "x", Failed{Code: CodeUnknownRun, Retryable: true})}, 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, true, "", nil)
				a := r.ask(t.Context(), "q")
				r.wantSent("q")
				r.reply(alive("q", "r"), delta("q", "r", 0, "a"))
				r.link.set(false)
				settle()
				r.link.set(true)
				<-r.link.resumed
				start := time.Now()
				r.reply(c.reply...)
				r.wantSent("q")
				if took := time.Since(start); took > c.within {
					t.Errorf("the others were asked after %v, want %v", took, c.within)
				}
				r.reply(delta("q", "r2", 0, "abc"), done("q", "r2", 1))
				r.wantAnswer(a, "abc")
				r.wantEmpty()
			})
		})
	}
}

// A message that never gets through, say because the broker drops it, must not
// end in requests without a rest.
func TestAGapThatStaysIsAskedForLessAndLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, true, "", func(o *Options) { o.Expiry = time.Hour })
		a := r.ask(t.Context(), "q")
		r.wantSent("q")
		r.reply(alive("q", "r"), delta("q", "r", 1, "b"))
		asked := 0
		for ended := false; !ended; {
			select {
			case <-r.link.resumed:
				asked++
				r.reply(alive("q", "r"))
			case <-a.done:
				ended = true
			}
		}
		if asked < 10 || asked > 100 {
			t.Errorf("asked %d times in an hour", asked)
		}
		r.wantNoAsk()
		if a.err == nil || !strings.Contains(a.err.Error(), "missing") {
			t.Errorf("error %v", a.err)
		}
		r.wantEmpty()
	})
}

func TestMissing(t *testing.T) {
	t.Parallel()
	scattered := []int{}
	for seq := 1; seq < 4*maxMissing; seq += 2 {
		scattered = append(scattered, seq)
	}
	for _, c := range []struct {
		have   []int
		from   int
		ranges string
	}{
		{nil, 0, "[]"},
		{[]int{0, 1}, 2, "[]"},
		{[]int{1}, 2, "[[0 0]]"},
		{[]int{0, 4, 5, 9}, 10, "[[1 3] [6 8]]"},
		{scattered, 0, "[]"},
	} {
		a := newAssembly("r")
		for _, seq := range c.have {
			if err := a.add(Answer{Seq: seq}, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		from, ranges := a.missing()
		r := Resume{ID: "q", Run: "r", From: from, Missing: ranges}
		if from != c.from || fmt.Sprint(ranges) != c.ranges || r.check() != nil {
			t.Errorf("of %v are missing %v and all from %d, want %s and %d; %v", c.have, ranges, from, c.ranges, c.from, r.check())
		}
	}
}

func TestDecodeResume(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, payload, err string }{
		{"all", `{"id":"q","run":"r","from":0}`, ""},
		{"ranges", `{"id":"q","run":"r","from":9,"missing":[[0,1],[3,3],[5,8]]}`, ""},
		{"no id", `{"run":"r"}`, "question id"},
		{"no run", `{"id":"q"}`, "run has 0 bytes"},
		{"negative", `{"id":"q","run":"r","from":-1}`, "from -1"},
		{"beyond from", `{"id":"q","run":"r","from":5,"missing":[[3,5]]}`, "missing[0]"},
		{"backwards", `{"id":"q","run":"r","from":9,"missing":[[3,2]]}`, "missing[0]"},
		{"out of order", `{"id":"q","run":"r","from":9,"missing":[[3,4],[4,5]]}`, "missing[1]"},
		{"too many", `{"id":"q","run":"r","from":999,"missing":[` + strings.Repeat("[0,0],", maxMissing) + `[0,0]]}`, "65 ranges"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := DecodeResume([]byte(c.payload))
			checkError(t, err, c.err)
		})
	}
	r := Resume{From: 9, Missing: [][2]int{{1, 2}, {5, 5}}}
	for seq, want := range []bool{false, true, true, false, false, true, false, false, false, true, true} {
		if r.Wants(seq) != want {
			t.Errorf("seq %d is wanted: %v", seq, !want)
		}
	}
}

func FuzzDecodeResume(f *testing.F) {
	f.Add([]byte(`{"id":"q","run":"r","from":9,"missing":[[0,1],[3,3]]}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		r, err := DecodeResume(payload)
		if err == nil && (CheckID("question", r.ID) != nil || r.Wants(r.From-1) && len(r.Missing) == 0) {
			t.Fatalf("%+v got through", r)
		}
	})
}
