package drift

import "slices"

// runLength is about how many events pass at least, on the mean, between two
// false alarms of a detector.
const runLength = 2000

// odds are by how much the odds of an event may have risen; the detector is quick
// for each of them.
var odds = [...]float64{2, 4, 8, 16}

// Detector notices when events become more frequent than a rate: a
// Shiryaev-Roberts e-detector, averaged over several larger rates (Shin, Ramdas,
// Rinaldo: E-detectors, arXiv 2203.03532). While events come with at most the
// rate, the mean time to a false alarm is at least runLength, whatever the number
// of looks.
type Detector struct {
	Rate     float64            `json:"rate"` // between 0 and 1, exclusive
	Evidence [len(odds)]float64 `json:"evidence"`
}

// Add takes in whether the event came this time, and reports an alarm.
func (d *Detector) Add(event bool) bool {
	sum := 0.0
	for i, o := range odds {
		likelihood := 1 / (1 - d.Rate + o*d.Rate) // (1-larger)/(1-rate), with larger = o*rate/(1-rate+o*rate)
		if event {
			likelihood *= o
		}
		d.Evidence[i] = min((d.Evidence[i]+1)*likelihood, 10*runLength*float64(len(odds)))
		sum += d.Evidence[i]
	}
	return sum >= runLength*float64(len(odds))
}

// reset forgets the past and watches for another rate.
func (d *Detector) reset(rate float64) { *d = Detector{Rate: min(max(rate, 0.001), 0.999)} }

// valid refuses what Add could not have left.
func (d *Detector) valid() bool {
	finite := func(x float64) bool { return x >= 0 && x <= 10*runLength*float64(len(odds)) }
	return d.Rate > 0 && d.Rate < 1 && !slices.ContainsFunc(d.Evidence[:], func(x float64) bool { return !finite(x) })
}
