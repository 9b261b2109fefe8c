package prefix

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

var key = Key{Identity: [32]byte{1, 2, 3}, PageTokens: 2, PageBytes: 5, Tokens: []int32{7, 8, 9, 10, 7, 8}}

var contents = [][]byte{[]byte("first"), []byte("secnd"), []byte("third")}

func fill(i int, dst []byte) error {
	copy(dst, contents[i])
	return nil
}

func encode(t testing.TB, k Key) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, k, fill); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decode(file []byte, k Key) (pages [][]byte, err error) {
	err = Read(bytes.NewReader(file), int64(len(file)), k, func(i int, src []byte) error {
		if i != len(pages) {
			return errors.New("pages out of order")
		}
		pages = append(pages, bytes.Clone(src))
		return nil
	})
	return pages, err
}

func TestFile(t *testing.T) {
	t.Parallel()
	file := encode(t, key)
	pages, err := decode(file, key)
	if err != nil || len(pages) != 3 || !bytes.Equal(bytes.Join(pages, nil), bytes.Join(contents, nil)) {
		t.Errorf("got %q, error %v", pages, err)
	}
	if float64(len(file)) != key.size() {
		t.Errorf("%d bytes, reckoned %v", len(file), key.size())
	}
	for i := range file {
		bad := bytes.Clone(file)
		bad[i] ^= 0x10
		if _, err := decode(bad, key); err == nil {
			t.Errorf("a file with another byte %d was accepted", i)
		}
		if _, err := decode(file[:i], key); err == nil {
			t.Errorf("a file cut off at byte %d was accepted", i)
		}
	}
	if _, err := decode(append(bytes.Clone(file), 0), key); err == nil {
		t.Error("a file with a byte more was accepted")
	}
}

// A file about something else says what is different.
func TestForeignFile(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*Key){
		"identity": func(k *Key) { k.Identity[31]++ },
		"tokens":   func(k *Key) { k.Tokens = []int32{7, 8, 9, 10, 7, 9} },
		"page tokens": func(k *Key) {
			k.PageTokens = 3
			k.PageBytes = 8
			k.Tokens = k.Tokens[:3]
			k.Tokens = append(k.Tokens[:3:3], 1, 2, 3)
		},
		"bytes: 4 tokens":  func(k *Key) { k.Tokens = k.Tokens[:4] },
		"pages of 6 bytes": func(k *Key) { k.PageBytes = 6 },
	}
	for want, change := range cases {
		k := key
		change(&k)
		file := encode(t, key)
		if want == "page tokens" { // of the same size
			file = append(file, 0)
		}
		if _, err := decode(file, k); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %q", err, want)
		}
	}
}

func TestImpossibleKeys(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]Key{
		"no tokens":     {PageTokens: 2, PageBytes: 5},
		"half a page":   {PageTokens: 2, PageBytes: 5, Tokens: []int32{1}},
		"no page":       {PageBytes: 5, Tokens: []int32{1}},
		"no bytes":      {PageTokens: 1, Tokens: []int32{1}},
		"page too long": {PageTokens: 1, PageBytes: 1 << 40, Tokens: []int32{1}},
	} {
		if Write(&bytes.Buffer{}, k, fill) == nil {
			t.Errorf("%s: was written", name)
		}
		if _, err := decode(nil, k); err == nil {
			t.Errorf("%s: was read", name)
		}
	}
}

// Whatever is accepted is exactly what Write makes of its pages.
func FuzzRead(f *testing.F) {
	file := encode(f, key)
	f.Add(file)
	f.Add(file[:40])
	f.Add([]byte{})
	other := key
	other.Identity[0]++
	f.Add(encode(f, other))
	damaged := bytes.Clone(file)
	damaged[len(damaged)-6] ^= 1
	f.Add(damaged)
	f.Fuzz(func(t *testing.T, file []byte) {
		pages, err := decode(file, key)
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := Write(&again, key, func(i int, dst []byte) error { copy(dst, pages[i]); return nil }); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes(), file) {
			t.Errorf("accepted %x", file)
		}
	})
}
