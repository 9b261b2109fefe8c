package sensor

import "time"

// supply is the energy that the device takes, by the sensors of a station that
// count. Counters are read every time; a power is taken to have been the same since
// the call before, and is read anew when it is too old. For one goroutine at a
// time.
type supply struct {
	station  *Station
	counters map[*part]float64 // joules of the energy counters at the call before
	read     time.Time         // when powers were read last, for this
}

// start takes down what the counters say.
func (s *supply) start() { s.spent(0) }

// spent is the energy in joules since the call before, which was so long ago; false
// if it is not known.
func (s *supply) spent(elapsed time.Duration) (joules float64, ok bool) {
	s.station.mu.Lock()
	defer s.station.mu.Unlock()
	now := s.station.now()
	old := elapsed > 0 && now.Sub(s.read) >= s.station.age
	ok = true
	found := false
	for _, p := range s.station.parts {
		if p.Gives != Draw || !p.Counts {
			continue
		}
		found = true
		j, known := s.of(p, elapsed, old)
		joules, ok = joules+j, ok && known
	}
	if old {
		s.read = now
	}
	return joules, ok && found
}

// of is what one sensor counts or measures; the station's mu is held.
func (s *supply) of(p *part, elapsed time.Duration, old bool) (joules float64, ok bool) {
	_, counts := p.Sensor.(*counter)
	switch {
	case counts, old:
		s.station.refresh(p, 0)
	case elapsed > 0:
		s.station.refresh(p, s.station.age)
	}
	if !counts {
		watts, ok := p.state.Readings[Power]
		return watts * elapsed.Seconds(), ok
	}
	energy, ok := p.state.Readings[Energy]
	if !ok {
		delete(s.counters, p) // what it says next has no beginning
		return 0, false
	}
	before, seen := s.counters[p]
	s.counters[p] = energy
	return energy - before, seen && elapsed <= maxSpan
}
