package tokenizer

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// hostile are texts in which a careless tokenizer looks at everything again and
// again.
var hostile = []string{
	"a", " ", "\u0301", "中", "👨\u200d👩\u200d", "<|im_end|", "<|end|><|en", "</s", "\n", " \n", "1", "'", "A", "\u0301A", "!", "½1", "\xff", "\u00a0",
	"a ", "aA", "IMGIMGA", "<sentinel:1", "\u3000", "Aa'", "\u1100\u1161", "ｶﾞ", "_1", "\r",
}

// grows fails where four times the text takes far more than four times as long:
// n log n takes a little more than 4 times, n squared 16 times. A busy machine
// gets another try.
func grows(t *testing.T, name string, work func(text string)) {
	t.Helper()
	const small, limit = 1 << 14, 9
	for _, unit := range hostile {
		short := strings.Repeat(unit, small/len(unit)) + "x"
		long := strings.Repeat(unit, 4*small/len(unit)) + "x"
		ratio := 0.0
		for range 6 {
			// What takes less than ten milliseconds is not measured, but compared with them.
			if ratio = float64(took(work, long)) / float64(max(took(work, short), 10*time.Millisecond)); ratio < limit {
				break
			}
		}
		if ratio >= limit {
			t.Errorf("%s: four times %q takes %.0f times as long", name, unit, ratio)
		}
	}
}

func took(work func(string), text string) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begin := busy()
	work(text)
	return busy() - begin
}

func TestSplittersAreLinearOnHostileText(t *testing.T) {
	for name := range splitters {
		split, err := SplitterFor(name)
		if err != nil {
			t.Fatal(err)
		}
		grows(t, name, func(text string) { split(text, func(string) {}) })
	}
}

func TestEncodeIsLinearOnHostileText(t *testing.T) {
	for name, tok := range everyKind(t) {
		grows(t, name, func(text string) { tok.Encode(text, true) })
	}
}

func TestDefuseIsLinearOnHostileText(t *testing.T) {
	tok := small().load(t)
	grows(t, "Defuse", func(text string) { tok.EncodePrompt(tok.Defuse(text, testBorder), testBorder) })
}

func TestDecodeIsLinearOnHostileText(t *testing.T) {
	tok := small().load(t)
	grows(t, "Stream", func(text string) {
		s := tok.Stream()
		for i := range len(text) {
			s.Push(int32(text[i]))
		}
		s.Flush()
	})
}

// everyKind has a tokenizer of every family, most with the vocabularies of the
// goldens.
func everyKind(t testing.TB) map[string]*Tokenizer {
	toks := map[string]*Tokenizer{"small": small().load(t), "words": words().load(t), "pieces": pieces2().load(t), "runes": lines2().load(t)}
	for _, name := range goldens {
		var g golden
		readGolden(t, name, &g)
		toks[name] = metaOf(t, g.Metadata).load(t)
	}
	return toks
}
