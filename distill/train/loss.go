package train

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/a472be26/cusp/infer/kernel"
)

// loss is the weighted mean over the positions of a batch of
//
//	(1-share)*CE + share*T²*KL(teacher || student)
//
// with share 0 where a position has no teacher candidates. CE is the cross-entropy with label smoothing. The KL term
// looks at the teacher's candidates only: both distributions are taken at temperature T and renormalized over them, so
// it is zero exactly when the student's logits agree with the teacher's up to a constant; what lies outside the
// candidates is left to the CE term. T² keeps the gradient's size independent of T (Hinton et al., arXiv 1503.02531).
type loss struct {
	share, temperature, smoothing float64
	rows                          []rowLoss // [rows] of the last call
}

// rowLoss is what one position contributes.
type rowLoss struct {
	ce, kl, total float64 // kl is scaled by T²
	correct       bool    // the best token is the target
}

// lossSum is a batch's weighted means.
type lossSum struct {
	total, ce, kl, accuracy float64
}

// forwardBackward replaces the logits [rows, vocab] by their gradient and returns the means. Rows are those of the batch.
func (l *loss) forwardBackward(w workers, logits *tensor.Dense, b *batch) lossSum {
	l.rows = sized(l.rows, len(b.rows))
	vocab, zs := logits.Shape()[1], values(logits)
	weights := b.totalWeight()
	w.run(len(b.rows), 4, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			z := zs[i*vocab : (i+1)*vocab]
			l.rows[i] = l.row(z, int(b.targets[i]), b.soft[i], float64(b.weights[i])/weights)
		}
	})
	return l.sum(b, weights)
}

// sum adds up the rows in order, so that the result does not depend on timing.
func (l *loss) sum(b *batch, weights float64) lossSum {
	var s lossSum
	var soft float64
	for i, r := range l.rows {
		weight := float64(b.weights[i])
		s.total += weight * r.total / weights
		s.ce += weight * r.ce / weights
		if len(b.soft[i]) > 0 {
			s.kl += weight * r.kl
			soft += weight
		}
		if r.correct {
			s.accuracy += 1 / float64(len(l.rows))
		}
	}
	if soft > 0 {
		s.kl /= soft
	}
	return s
}

// row replaces the logits z of one position by weight times their gradient.
func (l *loss) row(z []float32, target int, soft []TopK, weight float64) rowLoss {
	share := l.share
	if len(soft) == 0 || share == 0 {
		share, soft = 0, nil
	}
	teacher, student, kl := l.divergence(z, soft)
	ce, correct := l.crossEntropy(z, target, float32(weight*(1-share)))
	for i, k := range soft {
		// d(T²*KL)/dz = T*(student - teacher).
		z[k.ID] += float32(weight * share * l.temperature * (student[i] - teacher[i]))
	}
	return rowLoss{ce: ce, kl: kl, total: (1-share)*ce + share*kl, correct: correct}
}

// crossEntropy replaces z by weight times the gradient of the smoothed cross-entropy.
func (l *loss) crossEntropy(z []float32, target int, weight float32) (ce float64, correct bool) {
	top, aim := kernel.Max(z), float64(z[target])
	ce, correct = float64(top)-(1-l.smoothing)*aim, z[target] == top
	if l.smoothing > 0 {
		ce -= l.smoothing * mean(z)
	}
	partition := float64(kernel.ExpSum(z, z, top))
	ce += math.Log(partition)
	scale := weight * float32(1/partition)
	uniform := weight * float32(l.smoothing/float64(len(z)))
	for i := range z {
		z[i] = z[i]*scale - uniform
	}
	z[target] -= weight * float32(1-l.smoothing)
	return ce, correct
}

func mean(x []float32) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v)
	}
	return sum / float64(len(x))
}

// divergence returns both distributions over the candidates and T² times the divergence of the student's from the teacher's.
func (l *loss) divergence(z []float32, soft []TopK) (teacher, student []float64, kl float64) {
	if len(soft) == 0 {
		return nil, nil, 0
	}
	teacher, student = make([]float64, len(soft)), make([]float64, len(soft))
	for i, k := range soft {
		teacher[i] = float64(k.Logit) / l.temperature
		student[i] = float64(z[k.ID]) / l.temperature
	}
	teacherLog, studentLog := normalize(teacher), normalize(student)
	for i, k := range soft {
		gap := float64(k.Logit)/l.temperature - teacherLog - (float64(z[k.ID])/l.temperature - studentLog)
		kl += teacher[i] * gap
	}
	return teacher, student, kl * l.temperature * l.temperature
}

// normalize replaces x by its softmax and returns the logarithm of the sum of exponentials.
func normalize(x []float64) float64 {
	top := x[0]
	for _, v := range x {
		top = max(top, v)
	}
	var sum float64
	for i, v := range x {
		x[i] = math.Exp(v - top)
		sum += x[i]
	}
	for i := range x {
		x[i] /= sum
	}
	return top + math.Log(sum)
}
