package uplink

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a472be26/cusp/router"
)

func TestAnswerIsStreamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, true, "", nil)
		a := r.ask(t.Context(), "q")
		r.wantSent("q")
		if r.Depth() != 1 {
			t.Errorf("depth %d, want 1: the question must be durable before it is sent", r.Depth())
		}
		r.reply(Answer{ID: "q", Alive: true}, delta("q", "r", 0, "hel"))
		settle()
		if got := a.text.String(); got != "hel" {
			t.Errorf("emitted %q before the end, want \"hel\"", got)
		}
		r.reply(done("q", "r", 2), delta("q", "r", 1, "lo"), delta("q", "r", 0, "hel"))
		r.wantAnswer(a, "hello")
		if b := a.answer; b.Model != "big" || b.Finish != "stop" || b.PromptTokens != 3 || b.CompletionTokens != 2 || b.BytesUp < 40 || b.BytesDown < 80 {
			t.Errorf("answer %+v", b)
		}
		r.reply(done("q", "r", 2), delta("q", "other", 0, "again")) // to a finished id: dropped
		r.wantEmpty()
	})
}

func TestQuestionWaitsForTheLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, false, "", nil)
		a := r.ask(t.Context(), "q")
		time.Sleep(time.Hour)
		if len(r.link.sent) > 0 || r.Up() || r.OldestAge() < time.Hour {
			t.Errorf("%d sent, up %v, oldest %v", len(r.link.sent), r.Up(), r.OldestAge())
		}
		r.link.set(true)
		ask := r.wantSent("q")
		if want := (23 * time.Hour).Milliseconds(); *ask.TTLMS > want || *ask.TTLMS < want-1000 {
			t.Errorf("ttl %d ms, want about %d", *ask.TTLMS, want)
		}
		r.reply(done("q", "", 0))
		r.wantAnswer(a, "")
		r.wantEmpty()
	})
}

func TestAsksAgain(t *testing.T) {
	for _, c := range []struct {
		name   string
		before func(r *rig) // what happens to the first attempt
		within time.Duration
	}{
		{"when no worker takes it", func(*rig) {}, 4 * time.Second},
		{"when the worker falls silent", func(r *rig) { r.reply(delta("q", "r1", 0, "x")) }, 32 * time.Second},
		{"when the worker fell silent after an alive", func(r *rig) { r.reply(Answer{ID: "q", Alive: true}) }, 32 * time.Second},
		{"when a part is missing", func(r *rig) { r.reply(delta("q", "r1", 1, "y")) }, 4 * time.Second},
		{"when the worker says so", func(r *rig) {
			r.reply(failed("q", "r1", Failed{Code: "busy", Retryable: true}))
		}, 2 * time.Second},
		{"when the worker says so, not too soon", func(r *rig) {
			r.reply(failed("q", "r1", Failed{Code: "rate_limited", Retryable: true, RetryAfterMS: 60_000}))
		}, 61 * time.Second},
		{"when the link comes back", func(r *rig) {
			r.link.set(false)
			settle()
			r.link.set(true)
		}, 120 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, true, "", nil)
				a := r.ask(t.Context(), "q")
				r.wantSent("q")
				start := time.Now()
				c.before(r)
				r.wantSent("q")
				if took := time.Since(start); took > c.within || took < c.within/4 {
					t.Errorf("asked again after %v, want about %v", took, c.within)
				}
				r.reply(delta("q", "r2", 0, "xyz"), done("q", "r2", 1))
				r.wantAnswer(a, "xyz")
				r.wantEmpty()
			})
		})
	}
}

func TestALateFirstAnswerEndsTheSecondAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, true, "", nil)
		a := r.ask(t.Context(), "q")
		r.wantSent("q")
		r.reply(delta("q", "r1", 0, "fir"))
		r.wantSent("q") // after a silence
		r.reply(delta("q", "r2", 0, "sec"), delta("q", "r1", 1, "st"), delta("q", "r2", 1, "ond!"), done("q", "r1", 2))
		r.wantAnswer(a, "first")
		r.wantEmpty()
	})
}

func TestOtherWordsAreNotMixedIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, true, "", nil)
		a := r.ask(t.Context(), "q")
		r.wantSent("q")
		r.reply(delta("q", "r1", 0, "one way"))
		r.wantSent("q")
		r.reply(delta("q", "r2", 0, "another way to say it"), done("q", "r2", 1))
		<-a.done
		if !errors.Is(a.err, ErrDiverged) || a.text.String() != "one way" {
			t.Errorf("emitted %q, error %v", a.text.String(), a.err)
		}
		r.wantLate("q", "another way to say it", nil)
		r.wantEmpty()
	})
}

func TestAskerLeavesAndTheAnswerComesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, true, "", nil)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		a := r.ask(ctx, "q")
		r.wantSent("q")
		<-a.done
		if !errors.Is(a.err, context.DeadlineExceeded) || !strings.Contains(a.err.Error(), "no worker took") {
			t.Errorf("error %v, want the deadline and the reason", a.err)
		}
		r.reply(delta("q", "r", 0, "late"), done("q", "r", 1))
		r.wantLate("q", "late", nil)
		for len(r.link.sent) > 0 {
			<-r.link.sent
		}
		r.wantEmpty()
	})
}

func TestAskerThatCannotTakeTheTextGetsItLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, true, "", nil)
		broken := errors.New("client went away")
		result := make(chan error, 1)
		go func() {
			_, err := r.Ask(t.Context(), question("q"), func(string) error { return broken })
			result <- err
		}()
		r.wantSent("q")
		r.reply(delta("q", "r", 0, "text"), done("q", "r", 1))
		if err := <-result; !errors.Is(err, broken) {
			t.Errorf("error %v, want emit's", err)
		}
		r.wantLate("q", "text", nil)
		r.wantEmpty()
	})
}

func TestFinalErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(r *rig)
		want error
		part string
	}{
		{"refused", func(r *rig) { r.reply(failed("q", "", Failed{Code: "refused", Message: "not allowed"})) }, router.ErrRefused, "not allowed"},
		{"expired at the worker", func(r *rig) { r.reply(failed("q", "", Failed{Code: CodeExpired})) }, router.ErrExpired, "expired"},
		{"expired here", func(*rig) {}, router.ErrExpired, "no worker took"},
		{"endless answer", func(r *rig) {
			for i := range MaxTextBytes>>16 + 1 {
				r.reply(delta("q", "", i, strings.Repeat("x", 1<<16)))
			}
		}, router.ErrRefused, "longer than"},
	} {
		for _, waiting := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, waiting %v", c.name, waiting), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t, true, "", func(o *Options) { o.Expiry = time.Hour })
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					a := r.ask(ctx, "q")
					r.wantSent("q")
					if !waiting {
						cancel()
						<-a.done
					}
					c.end(r)
					var err error
					if waiting {
						<-a.done
						err = a.err
					} else {
						err = (<-r.late).err
					}
					if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.part) {
						t.Errorf("error %v, want %v with %q", err, c.want, c.part)
					}
					for len(r.link.sent) > 0 {
						<-r.link.sent
					}
					r.wantEmpty()
				})
			})
		}
	}
}

func TestSameIDJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, true, "", nil)
		ctx, cancel := context.WithCancel(t.Context())
		a, b, c := r.ask(ctx, "q"), r.ask(t.Context(), "q"), r.ask(t.Context(), "q")
		r.wantSent("q")
		r.reply(delta("q", "r", 0, "sha"))
		settle()
		other := question("q")
		other.Messages[0].Content = "something else"
		if _, err := r.Ask(t.Context(), other, nil); !errors.Is(err, ErrConflict) {
			t.Errorf("another question with the same id: %v", err)
		}
		cancel()
		<-a.done
		r.reply(delta("q", "r", 1, "red"), done("q", "r", 2))
		r.wantAnswer(b, "shared")
		r.wantAnswer(c, "shared")
		r.wantEmpty()
	})
}

func TestRefusedBeforeAcceptance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, true, "", func(o *Options) { o.MaxQuestions = 1 })
		private := question("p")
		private.Privacy = router.Private
		bad, long := question("a/b"), question("long")
		long.Messages[0].Content = strings.Repeat("x", MaxAskBytes)
		for _, q := range []router.Question{private, bad, long, {ID: "empty"}} {
			if _, err := r.Ask(t.Context(), q, nil); !errors.Is(err, router.ErrRefused) {
				t.Errorf("question %s: %v, want ErrRefused", q.ID, err)
			}
		}
		a := r.ask(t.Context(), "first")
		r.wantSent("first")
		if _, err := r.Ask(t.Context(), question("second"), nil); !errors.Is(err, ErrOutboxFull) {
			t.Errorf("second question: %v, want ErrOutboxFull", err)
		}
		r.reply(done("first", "", 0))
		r.wantAnswer(a, "")
		r.wantEmpty()
	})
}

func TestKilledDaemonGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "outbox.db")
		first := newRig(t, true, path, nil)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		first.ask(ctx, "half")
		first.wantSent("half")
		first.ask(ctx, "joined")
		first.wantSent("joined")
		first.reply(delta("half", "r", 0, "first wor"))
		settle()

		second := newRig(t, true, copyFile(t, path), nil) // nothing was cleaned up
		again := map[string]bool{(<-second.link.sent).ID: true, (<-second.link.sent).ID: true}
		if !again["half"] || !again["joined"] {
			t.Fatalf("sent again: %v", again)
		}
		a := second.ask(t.Context(), "joined") // the application asks again, too
		settle()
		second.reply(delta("half", "r", 0, "first words"), done("half", "r", 1), delta("joined", "r", 0, "both"), done("joined", "r", 1))
		second.wantAnswer(a, "both")
		second.wantLate("half", "first words", nil)
		second.wantEmpty()
	})
}

func TestAnswerThatWasNotHandedOverIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "outbox.db")
		held := make(chan struct{})
		first := newRig(t, true, path, func(o *Options) {
			o.OnLate = func(router.Question, router.CloudAnswer, error) error { <-held; return nil }
		})
		ctx, cancel := context.WithCancel(t.Context())
		a := first.ask(ctx, "q")
		first.wantSent("q")
		cancel()
		<-a.done
		first.reply(delta("q", "r", 0, "precious"), done("q", "r", 1))
		settle() // OnLate has begun, and the process dies there

		second := newRig(t, false, copyFile(t, path), nil) // no link is needed
		second.wantLate("q", "precious", nil)
		second.wantEmpty()
		close(held)
	})
}

// A device without a battery for its clock may accept a question years ahead;
// workers refuse a question that is of use for longer than a year.
func TestClockThatWasAheadLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "outbox.db")
		box, _, err := openOutbox(path, 10, 1<<20, quietLog)
		if err != nil {
			t.Fatal(err)
		}
		ahead := time.Now().AddDate(10, 0, 0)
		e := entry{Question: question("q"), Enqueued: ahead, Expires: ahead.Add(time.Hour), State: stateWaiting}
		if err := errors.Join(box.add(e), box.close()); err != nil {
			t.Fatal(err)
		}
		r := newRig(t, true, path, nil)
		r.wantSent("q")
		r.reply(delta("q", "r", 0, "because"), done("q", "r", 1))
		r.wantLate("q", "because", nil)
		r.wantEmpty()
	})
}

func TestAnswerThatIsNotTakenIsOfferedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "outbox.db")
		var offered atomic.Int32
		first := newRig(t, true, path, func(o *Options) {
			o.OnLate = func(router.Question, router.CloudAnswer, error) error {
				offered.Add(1)
				return errors.New("nobody can be told now")
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		a := first.ask(ctx, "q")
		first.wantSent("q")
		cancel()
		<-a.done
		first.reply(delta("q", "r", 0, "precious"), done("q", "r", 1))
		time.Sleep(10 * time.Second)
		if n := offered.Load(); n < 2 || n > 5 {
			t.Errorf("offered %d times within 10 s", n)
		}
		if err := first.Close(); err != nil {
			t.Error(err)
		}

		second := newRig(t, false, path, nil)
		second.wantLate("q", "precious", nil)
		second.wantEmpty()
	})
}

func TestCloseEndsAsksAndKeepsQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "outbox.db")
		r := newRig(t, true, path, nil)
		a := r.ask(t.Context(), "q")
		r.wantSent("q")
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		<-a.done
		if !errors.Is(a.err, ErrClosed) {
			t.Errorf("error %v, want ErrClosed", a.err)
		}
		if _, err := r.Ask(t.Context(), question("p"), nil); !errors.Is(err, ErrClosed) {
			t.Errorf("Ask after Close: %v", err)
		}
		again := newRig(t, true, path, nil)
		again.wantSent("q")
		again.reply(done("q", "", 0))
		again.wantLate("q", "", nil)
		again.wantEmpty()
	})
}

func TestBacklogDoesNotFloodTheLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, false, "", func(o *Options) { o.Backlog = 2 })
		ctx, cancel := context.WithCancel(t.Context())
		var all []*asking
		for i := range 10 {
			all = append(all, r.ask(ctx, fmt.Sprint("old", i)))
		}
		settle()
		cancel()
		for _, a := range all {
			<-a.done
		}
		r.link.set(true)
		settle()
		if n := len(r.link.sent); n != 2 {
			t.Fatalf("%d old questions are under way, want 2", n)
		}
		live := r.ask(t.Context(), "live")
		settle()
		if n := len(r.link.sent); n != 3 {
			t.Fatalf("%d questions are under way: the live one has to wait", n)
		}
		for answered := 0; answered < 11; answered++ {
			id := (<-r.link.sent).ID
			r.reply(done(id, "", 0))
			if id == "live" {
				r.wantAnswer(live, "")
			} else if got := <-r.late; got.id != id {
				t.Errorf("late %s, want %s", got.id, id)
			}
		}
		r.wantEmpty()
	})
}

func TestRubbishIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, true, "", nil)
		a := r.ask(t.Context(), "q")
		r.wantSent("q")
		for _, payload := range []string{"", "{}", "<html>", `{"id":"q","seq":"x"}`, `{"id":"nobody","seq":0}`, strings.Repeat("x", MaxAnswerBytes+1)} {
			r.receive(AnswerTopic("dev", "q"), []byte(payload))
		}
		r.receive(AnswerTopic("dev", "other"), []byte(`{"id":"q","seq":0,"delta":"forged"}`))
		r.reply(delta("q", "", 0, "good"), done("q", "", 1))
		r.wantAnswer(a, "good")
		r.wantEmpty()
	})
}

// A question that the broker does not take, and ends the connection over, must not
// keep the others from getting through.
func TestAQuestionThatBreaksTheLinkWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, true, "", func(o *Options) { o.Expiry = time.Hour })
		a := r.ask(t.Context(), "poison")
		start, sent := time.Now(), 0
		for ended := false; !ended; {
			select {
			case <-r.link.sent:
				sent++
				r.link.set(false)
				settle()
				r.link.set(true)
			case <-a.done:
				ended = true
			}
		}
		if !errors.Is(a.err, router.ErrExpired) || sent < 10 || sent > 100 {
			t.Errorf("sent %d times within %v, %v", sent, time.Since(start), a.err)
		}
		r.wantEmpty()
	})
}

// What a question becomes on the wire must fit whatever its time to live.
func TestLargestQuestionFits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, true, "", func(o *Options) { o.Expiry = 300 * 24 * time.Hour })
		q := question("q")
		for n := MaxAskBytes; ; n-- {
			q.Messages[0].Content = strings.Repeat("x", n)
			if check(q) == nil {
				break
			}
		}
		go r.Ask(t.Context(), q, nil)
		r.wantSent("q")
		r.reply(done("q", "r", 0))
		settle()
		r.wantEmpty()
	})
}

func TestBackoffGrowsToItsCeiling(t *testing.T) {
	t.Parallel()
	b := backoff{least: time.Second, most: time.Minute}
	for attempts, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 4: 8 * time.Second, 7: time.Minute, 1000: time.Minute} {
		for range 20 {
			if d := b.after(attempts); d < want/2 || d > want {
				t.Errorf("back-off after %d attempts is %v, want %v to %v", attempts, d, want/2, want)
			}
		}
	}
}

func TestOpenRefusesBadOptions(t *testing.T) {
	t.Parallel()
	good := func() Options {
		return Options{Broker: Broker{URL: "tcp://127.0.0.1:1"}, Device: "dev", Outbox: filepath.Join(t.TempDir(), "o.db"), OnLate: func(router.Question, router.CloudAnswer, error) error { return nil }}
	}
	for part, change := range map[string]func(*Options){
		"device id":            func(o *Options) { o.Device = "a/b" },
		"no path":              func(o *Options) { o.Outbox = "" },
		"OnLate":               func(o *Options) { o.OnLate = nil },
		"scheme \"http\"":      func(o *Options) { o.Broker.URL = "http://x" },
		"broker URL":           func(o *Options) { o.Broker.URL = "localhost" },
		"broker CA file":       func(o *Options) { o.Broker.CAFile = "/nonexistent" },
		"broker password file": func(o *Options) { o.Broker.PasswordFile = "/nonexistent" },
		"no PEM":               func(o *Options) { o.Broker.CAFile = "uplink_test.go" },
	} {
		o := good()
		change(&o)
		u, err := Open(o)
		if err == nil {
			u.Close()
		}
		checkError(t, err, part)
	}
	secret := Broker{URL: "http://user:hunter2@host"}
	if _, err := secret.ClientOptions(); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v, want one without the password", err)
	}
}
