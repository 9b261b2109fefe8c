package mapped

import "io"

// A CPU finds its way to memory by pages, mostly of 4096 bytes, and a model has so
// many of them that it loses time at each: a sixth of decoding and of prompts with
// weights of 500 MB in a virtual machine. Linux maps a file in large pages where its cache has whole
// ones, which depends on how the file came into memory: written or read by large
// pieces, on file systems that can (ext4 from Linux 6.16, XFS from 5.18).

// largePage is what a large page holds with small ones of 4096 bytes.
const largePage = 2 << 20

// Writer writes a file in pieces that the system caches in large pages.
type Writer struct {
	to  io.Writer
	buf []byte
}

// NewWriter is a Writer of a file, which must be empty. End with Flush.
func NewWriter(to io.Writer) *Writer { return &Writer{to, make([]byte, 0, largePage)} }

// Write keeps p, or writes what makes up whole pages.
func (w *Writer) Write(p []byte) (n int, err error) {
	for n < len(p) {
		fits := min(len(p)-n, largePage-len(w.buf))
		w.buf = append(w.buf, p[n:n+fits]...)
		n += fits
		if len(w.buf) == largePage {
			if err := w.Flush(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// Flush writes what is kept.
func (w *Writer) Flush() error {
	_, err := w.to.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}
