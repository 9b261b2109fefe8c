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
	w, stride := f.at(first, 0), n*f.stride
	turned, _ := j.turned(f)
	switch t := j.x.tiles[0]; {
	case turned != nil:
		turned(&dst[0], ld, j.x.n, w, stride, &j.x.turned[0], n, j.x.steps())
	case t.n == j.x.n && t.kind < len(f.streams):
		f.streams[t.kind](&dst[0], ld, w, stride, j.x.step(t, 0), n, j.x.steps())
	default:
		j.streamPanels(s, f, first, n, dst, ld)
	}
}

// turned is the turnedFunc for such weights and a batch of this size, and its width;
// nil if there is none.
func (j *job) turned(f *factor) (turnedFunc, int) {
	for i, width := range turnedWidths {
		if j.x.n <= width && 2*j.x.n > width && f.turned != nil {
			return f.turned[i], width
		}
	}
	return nil, 0
}

// together is how many rows' results of each lane are turned at a time.
const together = 8

// streamPanels multiplies panels, whose results have the lanes side by side.
func (j *job) streamPanels(s *workspace, f *factor, first, n int, dst []float32, ld int) {
	lanes := active.lanes
	width := together * lanes
	room := s.results(j.x.n * width)
	for from := 0; from < n; from += together {
		k := min(together, n-from)
		for i := range k {
			j.chunks(s, f, rows{first: first + from + i, apart: n, n: lanes}, 0, j.x.steps(), room[i*lanes:], width)
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
