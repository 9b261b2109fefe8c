package tokenizer

import (
	"unicode/utf8"
)

// gpt2 is 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+.
func gpt2(text string, i int) int {
	if end := contraction(text, i); end > i {
		return end
	}
	start := skipOptional(text, i, blanks)
	if start == len(text) {
		return spaces(text, i)
	}
	switch r, _ := utf8.DecodeRuneInString(text[start:]); {
	case letters.has(r):
		return run(text, start, letters)
	case anySpace.has(r):
		return spaces(text, i)
	case numbers.has(r):
		return run(text, start, numbers)
	default:
		return run(text, start, others)
	}
}

// cl100k is the pattern that the encoding of this name made known, with what
// its descendants changed:
//
//	CONTRACTION|[^\r\n\p{L}\p{N}]?WORD|\p{N}{1,NUMBER}| ?OTHER+TAIL*|\s*[\r\n]+|\s+(?!\S)|\s+
type cl100k struct {
	contraction matcher // nil: none
	word        matcher
	number      int
	other       *runeSet
	tail        *runeSet // nil: none
	tails       int
}

// unlimited is a number of runes that no text has.
const unlimited = int(^uint(0) >> 1)

var (
	// llama3 is (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
	// ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+.
	llama3 = &cl100k{contractionFold, some(letters), 3, others, newlines, unlimited}
	// qwen2 has \p{N} for \p{N}{1,3}.
	qwen2 = &cl100k{contractionFold, some(letters), 1, others, newlines, unlimited}
	// qwen35 is qwen2 with [\p{L}\p{M}]+ and [^\s\p{L}\p{M}\p{N}]+.
	qwen35 = &cl100k{contractionFold, some(letterMarks), 1, otherMarks, newlines, unlimited}
	// minicpm is qwen2 with \p{N}+.
	minicpm = &cl100k{contractionFold, some(letters), unlimited, others, newlines, unlimited}
	// seedCoder is qwen2 with ?[^\s\p{L}\p{N}\r\n]+.
	seedCoder = &cl100k{contractionFold, some(letters), 1, otherLines, nil, 0}
	// turkish is qwen2 without contractions.
	turkish = &cl100k{nil, some(letters), 1, others, newlines, unlimited}
	// exaoneMoE is qwen2 with (?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+ and [\r\n/]?.
	exaoneMoE = &cl100k{contractionFold, spacedWords, 1, others, slashLines, 1}
)

func (p *cl100k) match(text string, i int) int {
	if p.contraction != nil {
		if end := p.contraction(text, i); end > i {
			return end
		}
	}
	if end := prefixed(text, i, p.word); end > i {
		return end
	}
	if end := upTo(p.number, text, i, numbers); end > i {
		return end
	}
	if end := spaced(text, i, blanks, p.other); end > i {
		if p.tail == nil {
			return end
		}
		return upTo(p.tails, text, end, p.tail)
	}
	return blankLines(text, i)
}

// spacedWords is (?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+: letters, each with its
// marks, and single spaces between them.
func spacedWords(text string, i int) int {
	end := run(text, skipOptional(text, i, letters), marks)
	if skipOptional(text, i, letters) == i {
		return i
	}
	for {
		next := skipOptional(text, end, blanks)
		letter := skipOptional(text, next, letters)
		if letter == next {
			return end
		}
		end = run(text, letter, marks)
	}
}

// o200k is the successor of cl100k, which cuts camelCase, and what its
// descendants changed:
//
//	FIRST|[^\r\n\p{L}\p{N}]?UPPER*LOWER+SUFFIX|[^\r\n\p{L}\p{N}]?UPPER+LOWER*SUFFIX|
//	\p{N}{1,NUMBER}| ?[^\s\p{L}\p{N}]+TAIL*|\s*[\r\n]+|\s+(?!\S)|\s+
type o200k struct {
	first        matcher // nil: none
	upper, lower *runeSet
	suffix       bool // (?i:'s|'t|'re|'ve|'m|'ll|'d)?
	number       int
	tail         *runeSet
}

var (
	gpt4o  = &o200k{nil, upper, lower, true, 3, slashLines}
	tekken = &o200k{nil, upper, lower, false, 1, slashLines}
	youtu  = &o200k{nil, upper, lower, true, 1, slashLines}
	// kimi begins with \p{Han}+ and has words without Han and [\r\n]*.
	kimi = &o200k{some(han), upperNoHan, lowerNoHan, true, 3, newlines}
)

func (p *o200k) match(text string, i int) int {
	if p.first != nil {
		if end := p.first(text, i); end > i {
			return end
		}
	}
	if end := p.word(text, i); end > i {
		if p.suffix && end < len(text) {
			return contractionFold(text, end)
		}
		return end
	}
	if end := upTo(p.number, text, i, numbers); end > i {
		return end
	}
	if end := spaced(text, i, blanks, others); end > i {
		return run(text, end, p.tail)
	}
	return blankLines(text, i)
}

func (p *o200k) word(text string, i int) int {
	if end := prefixed(text, i, p.upperThenLower); end > i {
		return end
	}
	return prefixed(text, i, p.upperOnly)
}

// upperThenLower is UPPER*LOWER+. The two sets overlap: without a lower-case
// letter behind them, the upper ones give back all after the last rune that is
// in both.
func (p *o200k) upperThenLower(text string, i int) int {
	afterBoth := i
	j := i
	for j < len(text) {
		r, width := utf8.DecodeRuneInString(text[j:])
		if !p.upper.has(r) {
			break
		}
		j += width
		if p.lower.has(r) {
			afterBoth = j
		}
	}
	if end := run(text, j, p.lower); end > j {
		return end
	}
	return afterBoth
}

// upperOnly is UPPER+LOWER*.
func (p *o200k) upperOnly(text string, i int) int {
	end := run(text, i, p.upper)
	if end == i {
		return i
	}
	return run(text, end, p.lower)
}
