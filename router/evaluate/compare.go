package evaluate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A Comparer judges an answer by a reference: 1 is right, 0 is wrong, and what
// is between is as similar as that.
type Comparer interface {
	Compare(ctx context.Context, question, answer, reference string) (float64, error)
}

// CompareFunc is a Comparer that needs no question.
type CompareFunc func(answer, reference string) float64

// Compare implements [Comparer].
func (f CompareFunc) Compare(_ context.Context, _, answer, reference string) (float64, error) {
	return f(answer, reference), nil
}

// Comparers are those that need nothing but the two texts, by name.
var Comparers = map[string]Comparer{
	"exact":      CompareFunc(func(a, r string) float64 { return truth(strings.TrimSpace(a) == strings.TrimSpace(r)) }),
	"normalized": CompareFunc(func(a, r string) float64 { return truth(slices.Equal(normalize(a), normalize(r))) }),
	"number":     CompareFunc(compareNumbers),
	"f1":         CompareFunc(func(a, r string) float64 { return f1(overlap(normalize(a), normalize(r)), a, r) }),
	"rouge-l":    CompareFunc(func(a, r string) float64 { return f1(longest(normalize(a), normalize(r)), a, r) }),
	"json":       CompareFunc(compareJSON),
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// normalize are the words of a text as SQuAD's evaluation compares them
// (Rajpurkar and others, arXiv 1606.05250): lower case, without punctuation and
// articles.
func normalize(text string) []string {
	plain := strings.Map(func(r rune) rune {
		if unicode.IsPunct(r) || unicode.IsSymbol(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, text)
	return slices.DeleteFunc(strings.Fields(plain), func(w string) bool { return w == "a" || w == "an" || w == "the" })
}

// f1 is the harmonic mean of precision and recall of words in common.
func f1(common int, answer, reference string) float64 {
	a, r := len(normalize(answer)), len(normalize(reference))
	if a == 0 || r == 0 {
		return truth(a == r)
	}
	return 2 * float64(common) / float64(a+r)
}

// overlap counts the words that both have, as often as both have them.
func overlap(a, b []string) int {
	left, n := map[string]int{}, 0
	for _, w := range b {
		left[w]++
	}
	for _, w := range a {
		if left[w] > 0 {
			left[w]--
			n++
		}
	}
	return n
}

// maxWords bounds the texts of which the longest common subsequence is sought.
const maxWords = 4000

// longest is the length of the longest common subsequence (Lin: ROUGE, 2004).
func longest(a, b []string) int {
	a, b = a[:min(len(a), maxWords)], b[:min(len(b), maxWords)]
	row := make([]int, len(b)+1)
	for _, w := range a {
		diagonal := 0
		for k, v := range b {
			up := row[k+1]
			if w == v {
				row[k+1] = diagonal + 1
			} else {
				row[k+1] = max(up, row[k])
			}
			diagonal = up
		}
	}
	return row[len(b)]
}

// numberIn finds numbers as people write them: 1,234.5 and -3.
var numberIn = regexp.MustCompile(`-?\d[\d,]*(?:\.\d+)?`)

// compareNumbers compares the last number of both, which is the final answer of
// a worked one; behind "####", as GSM8K marks it, where there is that.
func compareNumbers(answer, reference string) float64 {
	a, okA := finalNumber(answer)
	r, okR := finalNumber(reference)
	return truth(okA && okR && a.Cmp(r) == 0)
}

func finalNumber(text string) (*big.Rat, bool) {
	if at := strings.LastIndex(text, "####"); at >= 0 {
		text = text[at:]
	}
	all := numberIn.FindAllString(text, -1)
	if len(all) == 0 || len(all[len(all)-1]) > 100 {
		return nil, false
	}
	return new(big.Rat).SetString(strings.ReplaceAll(all[len(all)-1], ",", ""))
}

// compareJSON compares values: order of members and white space do not matter,
// nor do case and outer space of strings, nor whether a number is quoted. That
// is how a tool takes its arguments.
func compareJSON(answer, reference string) float64 {
	a, errA := plainJSON(answer)
	r, errR := plainJSON(reference)
	return truth(errA == nil && errR == nil && reflect.DeepEqual(a, r))
}

func plainJSON(text string) (any, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, errors.New("more than one value")
	}
	return plain(v), nil
}

func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, member := range v {
			out[k] = plain(member)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, member := range v {
			out[i] = plain(member)
		}
		return out
	case string:
		return plainText(v)
	case json.Number:
		return plainText(v.String())
	}
	return v
}

// plainText is a string in lower case, or a number in one notation.
func plainText(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if f, err := strconv.ParseFloat(s, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return s
}

// Embedder makes a vector of length 1 of each text.
type Embedder interface {
	Embed(ctx context.Context, texts []string) ([][]float32, error)
}

// Cosine compares by the cosine of the vectors of both texts.
type Cosine struct{ Embedder }

// Compare implements [Comparer].
func (c Cosine) Compare(ctx context.Context, _, answer, reference string) (float64, error) {
	vectors, err := c.Embed(ctx, []string{answer, reference})
	if err != nil {
		return 0, err
	}
	sum := 0.
	for i, x := range vectors[0] {
		sum += float64(x) * float64(vectors[1][i])
	}
	return sum, nil
}

// Command compares by a program: it reads {"question", "answer", "reference"}
// as JSON on its standard input and prints a number from 0 to 1, or fails.
type Command []string

// Compare implements [Comparer].
func (c Command) Compare(ctx context.Context, question, answer, reference string) (float64, error) {
	input, err := json.Marshal(map[string]string{"question": question, "answer": answer, "reference": reference})
	if err != nil {
		return 0, err
	}
	var out, failure bytes.Buffer
	run := exec.CommandContext(ctx, c[0], c[1:]...)
	run.Stdin, run.Stdout, run.Stderr = bytes.NewReader(input), &out, &failure
	if err := run.Run(); err != nil {
		return 0, fmt.Errorf("comparer %s: %w: %s", c[0], err, strings.TrimSpace(failure.String()))
	}
	score, err := strconv.ParseFloat(strings.TrimSpace(out.String()), 64)
	if err != nil || !(score >= 0 && score <= 1) {
		return 0, fmt.Errorf("comparer %s printed %q, want one number from 0 to 1", c[0], strings.TrimSpace(out.String()))
	}
	return score, nil
}

// Judge sets Correct of those records that have a reference and no verdict: an
// answer is right if it is at least as similar as that. progress may be nil.
func Judge(ctx context.Context, records []Record, c Comparer, similar float64, progress func(done, total int)) error {
	for i := range records {
		r := &records[i]
		if r.Correct != nil || r.Reference == nil {
			continue
		}
		score, err := c.Compare(ctx, r.Question, r.Answer, r.ReferenceText())
		if err != nil {
			return fmt.Errorf("record %d: %w", i+1, err)
		}
		right := score >= similar
		r.Correct = &right
		if progress != nil {
			progress(i+1, len(records))
		}
	}
	return nil
}
