package distill

import (
	"strings"
	"testing"

	"github.com/a472be26/cusp/distill/dataset"
	"github.com/a472be26/cusp/distill/vocab"
)

func TestLesson(t *testing.T) {
	t.Parallel()
	e := dataset.Example{Text: "lamp on", Intent: "HassTurnOn", Slots: dataset.Slots{"name": "lamp"}}
	v, err := vocab.Train([]string{e.Text, e.Answer()}, vocab.Options{Size: 320, Defined: vocab.Pieces([]dataset.Example{e})})
	if err != nil {
		t.Fatal(err)
	}
	tutor, err := newTutor(v, 0.25, 40)
	if err != nil {
		t.Fatal(err)
	}
	l, ok := tutor.lesson(e)
	if !ok {
		t.Fatal("does not fit")
	}
	if got, want := tutor.tokens.Decode(l.Tokens), vocab.User+e.Text+vocab.Assistant+e.Answer()+vocab.End; got != want && got != e.Text+e.Answer() {
		t.Errorf("reads %q, want %q", got, want)
	}
	answer := len(tutor.tokens.Encode(e.Answer(), false)) + 1 // and the end
	for i, w := range l.Loss {
		want := float32(0.25)
		switch {
		case i == len(l.Loss)-1:
			want = 0 // nothing follows
		case i >= len(l.Loss)-1-answer:
			want = 1
		}
		if w != want {
			t.Errorf("position %d of %d has weight %v, want %v", i, len(l.Loss), w, want)
		}
	}
	e.Text = strings.Repeat("lamp on ", 20)
	if got := tutor.lessons([]dataset.Example{e}); len(got) != 0 {
		t.Error("a lesson longer than the context was kept")
	}
}
