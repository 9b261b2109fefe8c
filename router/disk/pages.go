package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
)

// This file reads a bbolt file without bbolt, which panics, or is killed by the
// kernel, over a damaged one. Format: go.etcd.io/bbolt 1.5, internal/common
// (page.go, meta.go, bucket.go), version 2, as little-endian machines write it.

const (
	pageHead    = 16 // id 8, flags 2, count 2, overflow 4
	elementHead = 16 // of a branch: pos 4, ksize 4, pgid 8; of a leaf: flags 4, pos 4, ksize 4, vsize 4
	metaBytes   = 64 // magic 4, version 4, page size 4, flags 4, root 16, freelist 8, pgid 8, txid 8, checksum 8
	boltMagic   = 0xED0CDAED
	boltVersion = 2

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagFreelist = 0x10
	flagBucket   = 0x01 // of a leaf's element

	noFreelist = 1<<64 - 1
	maxDepth   = 32
)

// meta is a root of the file.
type meta struct {
	pageSize, root, freelist, end, tx uint64
}

// pages is a bbolt file in memory.
type pages struct {
	data []byte
	meta meta
	used map[uint64]bool // pages that were visited
	errs []error
}

// Record is a key with its value.
type Record struct{ Key, Value []byte }

// Records reads the records of the named buckets from the newest root of a bbolt
// file, by the bucket's name. The error tells everything that is wrong; records
// are those that could be reached all the same, and older ones come from the root
// before, where it is there.
func Records(data []byte, buckets ...[]byte) (records, older map[string][]Record, err error) {
	metas := readMetas(data)
	if len(metas) == 0 {
		return nil, nil, errors.New("no valid root page")
	}
	records, err = readRoot(data, metas[0], buckets)
	if len(metas) > 1 {
		older, _ = readRoot(data, metas[1], buckets)
	}
	return records, older, err
}

// readMetas returns the valid roots, the newest first. The second one is a page
// after the first, and only a valid one knows how large a page is.
func readMetas(data []byte) (all []meta) {
	if m, err := readMeta(data, 0); err == nil {
		all = append(all, m)
	}
	for size := uint64(1 << 9); size <= 1<<16; size <<= 1 {
		if m, err := readMeta(data, size); err == nil && m.pageSize == size {
			all = append(all, m)
			break
		}
	}
	slices.SortFunc(all, func(a, b meta) int {
		if a.tx > b.tx {
			return -1
		}
		return 1
	})
	return all
}

func readMeta(data []byte, at uint64) (m meta, err error) {
	if uint64(len(data)) < at+pageHead+metaBytes {
		return m, errors.New("no room for a root page")
	}
	b := data[at+pageHead : at+pageHead+metaBytes]
	u32, u64 := binary.LittleEndian.Uint32, binary.LittleEndian.Uint64
	h := fnv.New64a()
	h.Write(b[:56])
	if u32(b) != boltMagic || u32(b[4:]) != boltVersion || u64(b[56:]) != h.Sum64() {
		return m, errors.New("not a valid root page")
	}
	m = meta{pageSize: uint64(u32(b[8:])), root: u64(b[16:]), freelist: u64(b[32:]), end: u64(b[40:]), tx: u64(b[48:])}
	if m.pageSize < 512 || m.pageSize > 1<<16 || m.pageSize&(m.pageSize-1) != 0 {
		return m, fmt.Errorf("page size %d", m.pageSize)
	}
	return m, nil
}

func readRoot(data []byte, m meta, buckets [][]byte) (map[string][]Record, error) {
	p := &pages{data: data, meta: m, used: map[uint64]bool{0: true, 1: true}}
	all := map[string][]Record{}
	p.walk(m.root, 0, func(r Record, flags uint32) {
		for _, name := range buckets {
			if flags&flagBucket != 0 && bytes.Equal(r.Key, name) {
				all[string(name)] = p.bucket(r.Value)
			}
		}
	})
	p.checkFree()
	return all, errors.Join(p.errs...)
}

func (p *pages) failf(format string, args ...any) {
	if len(p.errs) < 8 {
		p.errs = append(p.errs, fmt.Errorf(format, args...))
	}
}

// bucket reads the records of the bucket with that header: root 8, sequence 8,
// and, where the root is 0, a page.
func (p *pages) bucket(head []byte) (all []Record) {
	if len(head) < 16 {
		p.failf("a bucket's header of %d bytes", len(head))
		return nil
	}
	take := func(r Record, flags uint32) {
		if flags != 0 {
			p.failf("key %.128q has the flags %#x", r.Key, flags)
			return
		}
		all = append(all, r)
	}
	if root := binary.LittleEndian.Uint64(head); root != 0 {
		p.walk(root, 0, take)
	} else {
		p.leaf(head[16:], "in the bucket", take)
	}
	return all
}

// walk visits the records below page id in order.
func (p *pages) walk(id uint64, depth int, visit func(Record, uint32)) {
	page, flags, ok := p.page(id)
	switch {
	case !ok:
	case depth > maxDepth:
		p.failf("page %d: more than %d levels", id, maxDepth)
	case flags == flagLeaf:
		p.leaf(page, fmt.Sprint(id), visit)
	case flags == flagBranch:
		for _, child := range p.branch(page, id) {
			p.walk(child, depth+1, visit)
		}
	default:
		p.failf("page %d: the flags %#x are no branch's and no leaf's", id, flags)
	}
}

// page returns page id with its overflow, if its header is right.
func (p *pages) page(id uint64) (page []byte, flags uint16, ok bool) {
	size := p.meta.pageSize
	if id < 2 || id >= p.meta.end || id >= uint64(len(p.data))/size {
		p.failf("page %d is beyond the end", id)
		return nil, 0, false
	}
	head := p.data[id*size:]
	overflow := uint64(binary.LittleEndian.Uint32(head[12:]))
	if got := binary.LittleEndian.Uint64(head); got != id {
		p.failf("page %d calls itself %d", id, got)
		return nil, 0, false
	}
	if id+overflow >= p.meta.end || (overflow+1)*size > uint64(len(head)) {
		p.failf("page %d has %d pages after it, beyond the end", id, overflow)
		return nil, 0, false
	}
	for i := id; i <= id+overflow; i++ {
		if p.used[i] {
			p.failf("page %d is used twice", i)
			return nil, 0, false
		}
		p.used[i] = true
	}
	return head[:(overflow+1)*size], binary.LittleEndian.Uint16(head[8:]), true
}

// leaf visits the records of a page.
func (p *pages) leaf(page []byte, name string, visit func(Record, uint32)) {
	var last []byte
	n := p.count(page, name)
	next := uint64(pageHead + n*elementHead) // bytes follow each other as the elements do, so that none counts twice
	for i := range n {
		at := pageHead + i*elementHead
		e := page[at:]
		u32 := binary.LittleEndian.Uint32
		flags, from, ksize, vsize := u32(e), uint64(at)+uint64(u32(e[4:])), uint64(u32(e[8:])), uint64(u32(e[12:]))
		if from < next || from+ksize+vsize > uint64(len(page)) {
			p.failf("page %s: element %d is not within its place", name, i)
			continue
		}
		next = from + ksize + vsize
		r := Record{page[from : from+ksize], page[from+ksize : from+ksize+vsize]}
		if i > 0 && bytes.Compare(last, r.Key) >= 0 {
			p.failf("page %s: element %d is out of order", name, i)
		}
		last = r.Key
		visit(r, flags)
	}
}

// branch returns the children of a page.
func (p *pages) branch(page []byte, id uint64) (all []uint64) {
	var last []byte
	n := p.count(page, fmt.Sprint(id))
	if n == 0 {
		p.failf("page %d: a branch without children", id)
	}
	for i := range n {
		at := pageHead + i*elementHead
		e := page[at:]
		from, ksize := uint64(at)+uint64(binary.LittleEndian.Uint32(e)), uint64(binary.LittleEndian.Uint32(e[4:]))
		if from+ksize > uint64(len(page)) {
			p.failf("page %d: element %d ends beyond it", id, i)
		} else if key := page[from : from+ksize]; i > 0 && bytes.Compare(last, key) >= 0 {
			p.failf("page %d: element %d is out of order", id, i)
		} else {
			last = key
		}
		all = append(all, binary.LittleEndian.Uint64(e[8:]))
	}
	return all
}

// count is how many elements a page has, as far as there is room for them.
func (p *pages) count(page []byte, name string) int {
	if len(page) < pageHead {
		p.failf("page %s has %d bytes", name, len(page))
		return 0
	}
	n, room := int(binary.LittleEndian.Uint16(page[10:])), (len(page)-pageHead)/elementHead
	if n > room {
		p.failf("page %s has %d elements and room for %d", name, n, room)
		return 0
	}
	return n
}

// checkFree checks that no page counts as free that is used: it would be
// overwritten.
func (p *pages) checkFree() {
	if p.meta.freelist == noFreelist {
		return
	}
	page, flags, ok := p.page(p.meta.freelist)
	if !ok {
		return
	}
	n, ids := uint64(binary.LittleEndian.Uint16(page[10:])), page[pageHead:]
	if n == 0xFFFF && len(ids) >= 8 { // then the count is the first element
		n, ids = binary.LittleEndian.Uint64(ids), ids[8:]
	}
	if flags != flagFreelist || n > uint64(len(ids)/8) {
		p.failf("page %d is no list of free pages", p.meta.freelist)
		return
	}
	last := uint64(1)
	for i := range n {
		id := binary.LittleEndian.Uint64(ids[8*i:])
		if id <= last || id >= p.meta.end || p.used[id] {
			p.failf("page %d counts as free and is not", id)
			return
		}
		last = id
	}
}
