package kernel

// Few vectors wait for memory, which is fastest when it is read in streams: each lane
// of a panel reads a part of the file of its own, from its beginning to its end. So
// panels do not have rows that are neighbours, but one from each lane's part.

// streamed is how many rows each lane has of so many panels that are a range of the
// file: lane 0 the first ones, lane 1 those that follow, and so on. The rest, and all
// where streams gain nothing, are multiplied in panels of neighbours.
func (j *job) streamed(f *factor, panels int) int {
	if !active.streaming || j.x.n >= spanBatch {
		return 0
	}
	if panels > 1 && sameSet(panels*f.stride) {
		panels--
	}
	return panels
}

// sameSet: what lies so many bytes apart competes for the same lines of a
// first-level cache.
func sameSet(stride int) bool {
	const way, line = 4096, 64
	return (stride+line)%way < 2*line
}

// stream multiplies n rows for each lane, from a row on.
func (j *job) stream(s *workspace, f *factor, first, n int, dst []float32, ld int) {
	switch t := j.x.tiles[0]; {
	case t.n == j.x.n && t.kind < len(f.streams):
		f.streams[t.kind](&dst[0], ld, f.at(first, 0), n*f.stride, j.x.step(t, 0), n, j.x.steps())
	case f.stream8 != nil && j.x.n == 8:
		j.stream8(s, f, first, n, dst, ld)
	default:
		j.streamPanels(s, f, first, n, dst, ld)
	}
}

// together is how many rows' results of each lane are turned at a time.
const together = 8

// stream8 multiplies with 8 vectors, whose results come side by side.
func (j *job) stream8(s *workspace, f *factor, first, n int, dst []float32, ld int) {
	const vectors = 8
	lanes := active.lanes
	width := lanes * vectors
	room := s.results(together * width)
	for from := 0; from < n; from += together {
		k := min(together, n-from)
		f.stream8(&room[0], f.at(first+from, 0), n*f.stride, &j.x.turned[0], k, j.x.steps())
		for l := range lanes {
			turnRows(dst[l*n+from:], ld, room[l*vectors:], width, k, vectors)
		}
	}
}

// streamPanels multiplies panels, whose results have the lanes side by side.
func (j *job) streamPanels(s *workspace, f *factor, first, n int, dst []float32, ld int) {
	lanes := active.lanes
	width := together * lanes
	room := s.results(j.x.n * width)
	for from := 0; from < n; from += together {
		k := min(together, n-from)
		for i := range k {
			j.chunks(s, f, rows{first: first + from + i, apart: n, n: lanes}, room[i*lanes:], width)
		}
		for v := range j.x.n {
			turnRows(dst[v*ld+from:], n, room[v*width:], lanes, k, lanes)
		}
	}
}

// turnRows sets dst[p*stride+r] to src[r*ld+p], for r below k, at most together, and p below
// n, a multiple of 8.
func turnRows(dst []float32, stride int, src []float32, ld, k, n int) {
	if k == together {
		active.transpose8(&dst[0], stride, &src[0], ld, n)
		return
	}
	for p := range n {
		for r := range k {
			dst[p*stride+r] = src[r*ld+p]
		}
	}
}
