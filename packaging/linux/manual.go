package linux

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/goreleaser/nfpm/v2/files"
)

// Manual is what users read of the command line: manual pages by file name (cusp.1), and completions by shell.
type Manual struct{ Pages, Completions map[string]string }

// completionPaths are where the shells look for what packages bring (Debian's bash-completion, zsh-common and fish).
var completionPaths = map[string]string{
	"bash": "/usr/share/bash-completion/completions/cusp",
	"zsh":  "/usr/share/zsh/vendor-completions/_cusp",
	"fish": "/usr/share/fish/vendor_completions.d/cusp.fish",
}

func (m Manual) fill(p *pack) error {
	for _, name := range slices.Sorted(maps.Keys(m.Pages)) {
		section := path.Ext(name)
		if len(section) != len(".1") {
			return fmt.Errorf("manual page %q: the name ends in no section, as cusp.1 does", name)
		}
		packed, err := packPage(m.Pages[name])
		if err != nil {
			return err
		}
		if err := p.text("/usr/share/man/man"+section[1:]+"/"+name+".gz", files.TypeFile, packed); err != nil {
			return err
		}
	}
	for _, shell := range slices.Sorted(maps.Keys(m.Completions)) {
		dst, known := completionPaths[shell]
		if !known {
			return fmt.Errorf("completion for %q: it is not known where it belongs", shell)
		}
		if err := p.text(dst, files.TypeFile, []byte(m.Completions[shell])); err != nil {
			return err
		}
	}
	return nil
}

// packPage compresses as Debian wants it: at best, and without a time.
func packPage(text string) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write([]byte(text)); err != nil {
		return nil, err
	}
	err = z.Close()
	return b.Bytes(), err
}
