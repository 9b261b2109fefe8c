package evaluate

import (
	"fmt"
	"slices"
)

// Intent is a text with what it wants; an empty Intent is out of scope.
type Intent struct{ Text, Intent string }

// IntentStudent tells intents from the vector of an encoder and from words. Its
// confidence is the probability of the likeliest intent; what is out of scope
// is a class of its own that takes probability from the others.
type IntentStudent struct {
	names  []string // of the intents, in order
	rarity *Rarity
	linear *Linear
	dim    int // of the encoder's vectors
}

// wordWeight is the length of the words' part of a vector beside the encoder's
// part, which has length 1.
const wordWeight = 0.5

// TrainIntents fits a student. Vectors are the encoder's, one per text.
func TrainIntents(texts []Intent, vectors [][]float32, o LinearOptions) (*IntentStudent, error) {
	if len(texts) == 0 || len(vectors) != len(texts) {
		return nil, fmt.Errorf("train intents: %d texts and %d vectors", len(texts), len(vectors))
	}
	s := &IntentStudent{dim: len(vectors[0])}
	var plain []string
	for _, t := range texts {
		plain = append(plain, t.Text)
		if t.Intent != "" {
			s.names = append(s.names, t.Intent)
		}
	}
	slices.Sort(s.names)
	s.names = slices.Compact(s.names)
	s.rarity = NewRarity(plain)
	inputs, labels := make([]Sparse, len(texts)), make([]int, len(texts))
	for i, t := range texts {
		inputs[i], labels[i] = s.input(t.Text, vectors[i]), len(s.names)
		if t.Intent != "" {
			labels[i], _ = slices.BinarySearch(s.names, t.Intent)
		}
	}
	s.linear = TrainLinear(s.dim+NGramInputs, len(s.names)+1, inputs, labels, o)
	return s, nil
}

// input puts the words behind the encoder's vector.
func (s *IntentStudent) input(text string, vector []float32) Sparse {
	var x Sparse
	for i, v := range vector {
		x.At, x.Value = append(x.At, uint32(i)), append(x.Value, v)
	}
	words := s.rarity.Words(text)
	for i, at := range words.At {
		x.At, x.Value = append(x.At, uint32(s.dim)+at), append(x.Value, wordWeight*words.Value[i])
	}
	return x
}

// Answer is the likeliest intent and its probability.
func (s *IntentStudent) Answer(text string, vector []float32) (intent string, confidence float64) {
	p := s.linear.Probabilities(s.input(text, vector))[:len(s.names)]
	best := 0
	for i := range p {
		if p[i] > p[best] {
			best = i
		}
	}
	return s.names[best], float64(p[best])
}

// IntentTrade is what a threshold makes of questions in and out of scope. A
// question in scope that goes to the cloud counts as wrong here, as a wrong
// "out of scope" does in Larson and others (arXiv 1909.02027).
type IntentTrade struct {
	Threshold float64 `json:"threshold"`
	InScope   float64 `json:"in_scope"` // share answered rightly, of those in scope
	Recall    float64 `json:"recall"`   // share sent to the cloud, of those out of scope
	Kept      float64 `json:"kept"`     // share answered at all, of those in scope
	Local     float64 `json:"local"`    // share right of those in scope that are answered
}

// Verdict is an answer of a student to a text whose intent is known.
type Verdict struct {
	Confidence float64
	InScope    bool
	Correct    bool
}

// Judge answers all texts.
func (s *IntentStudent) Judge(texts []Intent, vectors [][]float32) []Verdict {
	out := make([]Verdict, len(texts))
	for i, t := range texts {
		intent, confidence := s.Answer(t.Text, vectors[i])
		out[i] = Verdict{confidence, t.Intent != "", intent == t.Intent}
	}
	return out
}

// Trade counts what a threshold does.
func Trade(verdicts []Verdict, threshold float64) IntentTrade {
	t := IntentTrade{Threshold: threshold}
	var in, out float64
	for _, v := range verdicts {
		kept := v.Confidence >= threshold
		switch {
		case v.InScope:
			in++
			t.Kept += truth(kept)
			t.InScope += truth(kept && v.Correct)
		default:
			out++
			t.Recall += truth(!kept)
		}
	}
	t.Local = t.InScope / max(t.Kept, 1)
	t.Kept, t.InScope, t.Recall = t.Kept/max(in, 1), t.InScope/max(in, 1), t.Recall/max(out, 1)
	return t
}

// ThresholdFor sends this share of the questions in scope to the cloud.
func ThresholdFor(verdicts []Verdict, share float64) float64 {
	var confidences []float64
	for _, v := range verdicts {
		if v.InScope {
			confidences = append(confidences, v.Confidence)
		}
	}
	if len(confidences) == 0 {
		return 0
	}
	slices.Sort(confidences)
	return confidences[min(len(confidences)-1, int(share*float64(len(confidences))))]
}
