package evaluate

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Outcome is one question that a weak and a strong model both answered: how
// good each answer was, and what a router made of it.
type Outcome struct {
	Question string
	Weak     float64 // 1 or 0 for right or wrong, or any grade
	Strong   float64
	// Router is greater the more the question wants the strong model.
	Router float64
}

// Columns name the members of a file of outcomes. An empty Router means that
// the file has none.
type Columns struct{ Question, Weak, Strong, Router string }

// ReadOutcomes reads JSONL, one object a line, or CSV with a header if name
// ends with .csv. Grades are numbers or true and false.
func ReadOutcomes(r io.Reader, name string, c Columns) ([]Outcome, error) {
	rows := jsonRows
	if strings.EqualFold(filepath.Ext(name), ".csv") {
		rows = csvRows
	}
	var out []Outcome
	err := rows(r, func(line int, row map[string]any) error {
		o, err := c.outcome(row)
		if err != nil {
			return fmt.Errorf("%s:%d: %w", name, line, err)
		}
		out = append(out, o)
		return nil
	})
	if err != nil && !strings.HasPrefix(err.Error(), name) {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return out, err
}

func (c Columns) outcome(row map[string]any) (o Outcome, err error) {
	o.Question, _ = row[c.Question].(string)
	if o.Weak, err = grade(row, c.Weak); err != nil {
		return o, err
	}
	if o.Strong, err = grade(row, c.Strong); err != nil || c.Router == "" {
		return o, err
	}
	o.Router, err = grade(row, c.Router)
	return o, err
}

func grade(row map[string]any, column string) (float64, error) {
	switch v := row[column].(type) {
	case bool:
		return truth(v), nil
	case float64:
		return v, nil
	case string:
		if b, err := strconv.ParseBool(strings.TrimSpace(v)); err == nil {
			return truth(b), nil
		}
		f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		if err == nil && f-f == 0 { // finite
			return f, nil
		}
		return 0, fmt.Errorf("%s is %q, want a number, true or false", column, v)
	case nil:
		names := make([]string, 0, len(row))
		for name := range row {
			names = append(names, name)
		}
		slices.Sort(names)
		return 0, fmt.Errorf("there is no %q; the line has %q", column, names)
	}
	return 0, fmt.Errorf("%s is %v, want a number, true or false", column, row[column])
}

func jsonRows(r io.Reader, each func(line int, row map[string]any) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		var row map[string]any
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if err := each(n, row); err != nil {
			return err
		}
	}
	return lines.Err()
}

func csvRows(r io.Reader, each func(line int, row map[string]any) error) error {
	table := csv.NewReader(r)
	header, err := table.Read()
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	for {
		cells, err := table.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		row := map[string]any{}
		for i, name := range header {
			row[strings.TrimSpace(name)] = cells[i]
		}
		line, _ := table.FieldPos(0)
		if err := each(line, row); err != nil {
			return err
		}
	}
}

// Point is a trade-off: the share of questions that the strong model answers,
// and the mean grade of all answers.
type Point struct {
	Strong float64 `json:"strong"`
	Grade  float64 `json:"grade"`
}

// Quality is the cost-quality curve of a router and RouteLLM's measures of it
// (Ong and others, arXiv 2406.18665, section 2.2).
type Quality struct {
	Router    string  `json:"router"`
	Questions int     `json:"questions"`
	Weak      float64 `json:"weak"`   // mean grade of the weak model alone
	Strong    float64 `json:"strong"` // of the strong model alone
	Curve     []Point `json:"curve"`  // from no question for the strong model to all
	// APGR is the mean over the curve of the performance gap recovered: 0 is the
	// weak model's quality, 1 the strong one's.
	APGR float64 `json:"apgr"`
	// CPT50 and CPT80 are the least share of calls to the strong model that
	// recovers 50% and 80% of the gap.
	CPT50 float64 `json:"cpt50"`
	CPT80 float64 `json:"cpt80"`
	// Covered is the greatest share that stays with the weak model while at most
	// a given part of it is wrong (a grade below one half).
	Covered []RiskPoint `json:"covered"`
}

// Measure draws the curve of a router by its scores on the outcomes: the
// questions with the highest go to the strong model. Questions of equal score
// go together, in parts of their mean. Risks are the error rates for Covered.
func Measure(router string, outcomes []Outcome, scores, risks []float64) (Quality, error) {
	q := Quality{Router: router, Questions: len(outcomes)}
	n := float64(len(outcomes))
	for _, o := range outcomes {
		q.Weak += o.Weak / n
		q.Strong += o.Strong / n
	}
	if len(outcomes) == 0 || len(scores) != len(outcomes) || q.Strong == q.Weak {
		return q, fmt.Errorf("measure %s: %d outcomes with %d scores, grades %v and %v: there is no gap to recover", router, len(outcomes), len(scores), q.Weak, q.Strong)
	}
	order := byScore(scores)
	q.Curve = curve(outcomes, scores, order, q.Weak)
	gap := func(p Point) float64 { return (p.Grade - q.Weak) / (q.Strong - q.Weak) }
	for i := 1; i < len(q.Curve); i++ {
		a, b := q.Curve[i-1], q.Curve[i]
		q.APGR += (b.Strong - a.Strong) * (gap(a) + gap(b)) / 2
	}
	q.CPT50, q.CPT80 = reach(q.Curve, gap, 0.5), reach(q.Curve, gap, 0.8)
	for _, risk := range risks {
		q.Covered = append(q.Covered, RiskPoint{covered(outcomes, scores, order, risk), risk})
	}
	return q, nil
}

// byScore is the order of falling scores.
func byScore(scores []float64) []int {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	return order
}

// ends are the positions in order after which the score changes.
func ends(scores []float64, order []int) []int {
	var out []int
	for i, at := range order {
		if i+1 == len(order) || scores[order[i+1]] != scores[at] {
			out = append(out, i+1)
		}
	}
	return out
}

func curve(outcomes []Outcome, scores []float64, order []int, weak float64) []Point {
	n := float64(len(order))
	points := []Point{{0, weak}}
	grade, from := weak, 0
	for _, end := range ends(scores, order) {
		for _, at := range order[from:end] {
			grade += (outcomes[at].Strong - outcomes[at].Weak) / n
		}
		from = end
		points = append(points, Point{float64(end) / n, grade})
	}
	return points
}

// reach is where the curve first recovers a share of the gap.
func reach(curve []Point, gap func(Point) float64, share float64) float64 {
	for i := 1; i < len(curve); i++ {
		a, b := curve[i-1], curve[i]
		if gap(b) >= share {
			return a.Strong + (b.Strong-a.Strong)*(share-gap(a))/(gap(b)-gap(a))
		}
	}
	return 1
}

// covered is the greatest share of questions with the lowest scores of whose
// weak answers at most risk are wrong. It looks at the outcomes, so it is what
// the order is worth, no promise.
func covered(outcomes []Outcome, scores []float64, order []int, risk float64) float64 {
	wrong, best := 0, 0
	stops := append([]int{0}, ends(scores, order)...)
	for k := len(stops) - 1; k > 0; k-- {
		for _, at := range order[stops[k-1]:stops[k]] {
			wrong += int(truth(outcomes[at].Weak < 0.5))
		}
		if n := len(order) - stops[k-1]; float64(wrong) <= risk*float64(n) {
			best = n
		}
	}
	return float64(best) / float64(len(order))
}

// MeasureRandom is the mean of so many routers that do not look, and the first
// one's curve.
func MeasureRandom(outcomes []Outcome, risks []float64, routers int, seed uint64) (Quality, error) {
	var mean Quality
	for i := range routers {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		scores := make([]float64, len(outcomes))
		for k := range scores {
			scores[k] = r.Float64()
		}
		q, err := Measure(fmt.Sprintf("random (mean of %d)", routers), outcomes, scores, risks)
		if err != nil {
			return q, err
		}
		if i == 0 {
			mean = q
			mean.APGR, mean.CPT50, mean.CPT80 = 0, 0, 0
		}
		n := float64(routers)
		mean.APGR, mean.CPT50, mean.CPT80 = mean.APGR+q.APGR/n, mean.CPT50+q.CPT50/n, mean.CPT80+q.CPT80/n
	}
	return mean, nil
}

// OracleScores know by how much the strong answer is better, and which weak
// answers are right.
func OracleScores(outcomes []Outcome) []float64 {
	out := make([]float64, len(outcomes))
	for i, o := range outcomes {
		out[i] = o.Strong - o.Weak - 1e-6*o.Weak
	}
	return out
}

// TextScores come from the questions' n-grams, learned on the other four
// fifths of the outcomes: the probability that the weak model is wrong.
func TextScores(outcomes []Outcome, seed uint64) []float64 {
	const folds = 5
	vectors := make([]Sparse, len(outcomes))
	for i, o := range outcomes {
		vectors[i] = NGrams(o.Question)
	}
	order := rand.New(rand.NewPCG(seed, 0)).Perm(len(outcomes))
	out := make([]float64, len(outcomes))
	for fold := range folds {
		var x []Sparse
		var y []int
		for i, at := range order {
			if i%folds != fold {
				x, y = append(x, vectors[at]), append(y, int(truth(outcomes[at].Weak < 0.5)))
			}
		}
		m := TrainLinear(NGramInputs, 2, x, y, LinearOptions{Decay: 1e-5, Seed: seed})
		for i, at := range order {
			if i%folds == fold {
				out[at] = float64(m.Probabilities(vectors[at])[1])
			}
		}
	}
	return out
}

// RouterScores are those that the outcomes came with.
func RouterScores(outcomes []Outcome) []float64 {
	out := make([]float64, len(outcomes))
	for i, o := range outcomes {
		out[i] = o.Router
	}
	return out
}
