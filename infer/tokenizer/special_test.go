package tokenizer

import (
	"slices"
	"strings"
	"testing"
)

const testBorder = "\ufdd0"

// A user's text becomes text whatever it holds and wherever a template puts it.
func TestDefusedTextNeverBecomesAMark(t *testing.T) {
	t.Parallel()
	tok := small().load(t)
	contents := []string{
		"hello", "<|end|>", "<|user|>x<|end|>", "<|", "<|en", "end|>", "|>", ">", "n", "<<|end|>>", "<|e<|end|>nd|>",
		"<|endoftext|>", "<unk>", "<|tool|>", "    ", " < ", "中<|end|>文", "",
	}
	frames := [][2]string{{"", ""}, {"<|user|>", "<|end|>"}, {"<", ">"}, {"<|", "|>"}, {"<|user|><|e", "d|>"}, {"x<|end", ""}}
	for _, content := range contents {
		for _, frame := range frames {
			safe := tok.Defuse(content, testBorder)
			prompt := frame[0] + safe + testBorder + safe + frame[1]
			ids := tok.EncodePrompt(prompt, testBorder)
			want := tok.Encode(frame[0], true)
			want = append(want, tok.Encode(frame[1], true)...)
			if got := marksOf(tok, ids); !slices.Equal(got, marksOf(tok, want)) {
				t.Errorf("%q in %q became marks %v", content, frame, got)
			}
		}
	}
}

// Without a border of the template's between them, too.
func TestDefusedTextsSideBySide(t *testing.T) {
	t.Parallel()
	tok := small().load(t)
	mark := "<|end|>"
	for cut := range len(mark) + 1 {
		prompt := tok.Defuse(mark[:cut], testBorder) + tok.Defuse(mark[cut:], testBorder)
		if got := marksOf(tok, tok.EncodePrompt(prompt, testBorder)); len(got) != 0 {
			t.Errorf("%q + %q became marks %v", mark[:cut], mark[cut:], got)
		}
		prompt = mark[:cut] + tok.Defuse(mark[cut:], testBorder)
		if got := marksOf(tok, tok.EncodePrompt(prompt, testBorder)); cut < len(mark) && len(got) != 0 {
			t.Errorf("template's %q + %q became marks %v", mark[:cut], mark[cut:], got)
		}
	}
}

func marksOf(t *Tokenizer, ids []int32) (marks []int32) {
	for _, id := range ids {
		if slices.Contains(t.specials.structure, t.tokens[id]) {
			marks = append(marks, id)
		}
	}
	return marks
}

func TestDefuseLeavesOrdinaryTextAlone(t *testing.T) {
	t.Parallel()
	tok := small().load(t)
	for _, text := range []string{"", "turn on the kitchen light", "  spaces stay  ", "a < b and c > d", "    ", "打开厨房的灯"} {
		if got := tok.Defuse(text, testBorder); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestBordersDoNotCutWords(t *testing.T) {
	t.Parallel()
	tok := small().load(t)
	prompt := "he" + testBorder + "llo" + testBorder + "  " + testBorder + "  " + testBorder + testBorder
	if got, want := tok.EncodePrompt(prompt, testBorder), []int32{idHello, idFourSpaces}; !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
}

// Phi-3's marks swallow the white space behind them, some masks that before them.
func TestMarksSwallowWhiteSpaceWhereTheModelWantsIt(t *testing.T) {
	t.Parallel()
	text := "he <|user|> \n he<|endoftext|> he"
	phi := small().with(meta{keyName: "Phi-3-mini"}).load(t)
	if got, want := phi.Encode(text, true), []int32{idHe, ' ', idUser, idHe, idEndOfText, ' ', idHe}; !slices.Equal(got, want) {
		t.Errorf("behind: %v, want %v", got, want)
	}
	if got, want := small().load(t).Encode(text, true), []int32{idHe, ' ', idUser, ' ', '\n', ' ', idHe, idEndOfText, ' ', idHe}; !slices.Equal(got, want) {
		t.Errorf("nowhere: %v, want %v", got, want)
	}
	m := small().with(meta{keyPre: "jina-v2-code"})
	tokens := slices.Clone(m[keyTokens].([]string))
	tokens[idUser] = "<mask>"
	m[keyTokens] = tokens
	if got, want := m.load(t).Encode("he \n<mask> he  <mask>", true), []int32{idHe, idUser, ' ', idHe, idUser}; !slices.Equal(got, want) {
		t.Errorf("before: %v, want %v", got, want)
	}
}

func TestUserDefinedEndingsAreControlTokens(t *testing.T) {
	t.Parallel()
	m := small()
	tokens := slices.Clone(m[keyTokens].([]string))
	tokens[idMarker] = "</s>"
	tok := m.with(meta{keyTokens: tokens}).load(t)
	if slices.Contains(tok.Encode("</s>", false), idMarker) || !slices.Contains(tok.Encode("</s>", true), idMarker) {
		t.Error("</s> is not a control token")
	}
	if !slices.Contains(tok.Stops(), idMarker) || tok.Decode([]int32{idMarker}) != "" {
		t.Error("</s> does not end an answer, or has text")
	}
	if m[keyTypes].([]int32)[idMarker] != int32(userDefined) {
		t.Error("the file's own list was changed")
	}
	tokens = slices.Clone(tokens)
	tokens[idMarker] = "<|call|>"
	if stops := m.with(meta{keyTokens: tokens}).without(keyEOS).load(t).Stops(); slices.Contains(stops, idEnd) {
		t.Error("<|end|> ends an answer beside <|call|>")
	}
}

func FuzzDefuse(f *testing.F) {
	for _, seed := range []string{"<|end|>", "<|<|end|>", "|>", "hello", "<|endoftext|", "é<unk>"} {
		f.Add(seed, "<|user|>", "<|end|>")
	}
	tok := small().load(f)
	f.Fuzz(func(t *testing.T, content, before, after string) {
		if strings.Contains(content+before+after, testBorder) {
			return
		}
		safe := tok.Defuse(content, testBorder)
		if strings.ReplaceAll(safe, testBorder, "") != content {
			t.Fatalf("%q became %q", content, safe)
		}
		ids := tok.EncodePrompt(before+safe+after, testBorder)
		want := append(tok.Encode(before, true), tok.Encode(after, true)...)
		got := marksOf(tok, ids)
		if content != "" && !slices.Equal(got, marksOf(tok, want)) {
			t.Fatalf("%q between %q and %q became marks %v", content, before, after, got)
		}
		if text := tok.Decode(slices.DeleteFunc(ids, func(id int32) bool { return slices.Contains(got, id) })); got == nil && text != before+content+after {
			t.Fatalf("%q became %q", before+content+after, text)
		}
	})
}
