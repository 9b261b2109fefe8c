package privacy

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/a472be26/cusp/router/match"
)

// Bounds of RFC 5321, section 4.5.3.1, in bytes.
const (
	maxLocal  = 64
	maxDomain = 255
)

// findEmails finds local@domain.tld, with spaces around the @ too. Quoted local
// parts and addresses in Chinese characters are left out.
func findEmails(p *page) {
	for i := 0; ; i++ {
		k := strings.IndexByte(p.s[i:], '@')
		if k < 0 {
			break
		}
		i += k
		left, right := i, i+1
		if at(p.s, left-1) == ' ' && at(p.s, right) == ' ' { // "bob @ example.com"
			left, right = left-1, right+1
		}
		from, to := localPart(p.s, left), domain(p.s, right)
		if from < left && to > right && !gitRemote(p.s[from:left], p.after(to)) {
			p.add(Email, from, to)
		}
	}
	p.each(markSpelled, func(m mark) {
		if p.after(m.j) == ' ' && !strings.Contains(strings.ToLower(p.s[m.j:min(len(p.s), m.j+spelledWindow)]), " dot ") {
			return
		}
		from := p.spelledLocal(m.i)
		if n := spelled.FindStringIndex(p.window(from, spelledWindow)); n != nil && from+n[1] > m.j {
			p.add(Email, from, from+n[1])
		}
	})
}

// spelledLocal is where the local part begins before an "at" at i, in brackets or not.
func (p *page) spelledLocal(i int) int {
	for i > 0 && strings.IndexByte(" [({", p.s[i-1]) >= 0 {
		i--
	}
	return localPart(p.s, i)
}

// gitRemote is git@host:path, which names no person.
func gitRemote(local string, next byte) bool { return local == "git" && next == ':' }

// localPart is where the local part that ends at j begins.
func localPart(s string, j int) int {
	i := j
	for i > 0 && j-i < maxLocal {
		r, n := utf8.DecodeLastRuneInString(s[:i])
		if !localRune(r) {
			break
		}
		i -= n
	}
	for i < j && strings.IndexByte(".-'+&*=/", s[i]) >= 0 {
		i++
	}
	return i
}

func localRune(r rune) bool {
	return strings.ContainsRune(".-_+%'&*=/~", r) || r < utf8.RuneSelf && alnum(byte(r)) ||
		r >= utf8.RuneSelf && unicode.IsLetter(r) && !match.Unparted(r)
}

// domain is where the domain that begins at i ends; i without a domain that has a
// dot and a top level of letters.
func domain(s string, i int) int {
	end, label, dots := i, i, 0
	for j := i; j < len(s) && j-i < maxDomain; {
		r, n := utf8.DecodeRuneInString(s[j:])
		switch {
		case r == '.' && j > label:
			label, dots = j+1, dots+1
		case r == '-' && j > label, r < utf8.RuneSelf && alnum(byte(r)), r >= utf8.RuneSelf && unicode.IsLetter(r) && !match.Unparted(r):
			if dots > 0 && topLevel(s[label:j+n]) {
				end = j + n
			}
		default:
			return checkedDomain(s, i, end)
		}
		j += n
	}
	return checkedDomain(s, i, end)
}

// topLevel takes letters, or the encoded form of an international one.
func topLevel(label string) bool {
	if strings.HasPrefix(label, "xn--") {
		return len(label) > 4
	}
	for _, r := range label {
		if !unicode.IsLetter(r) {
			return false
		}
	}
	return len(label) >= 2
}

// checkedDomain refuses image names such as icon@2x.png.
func checkedDomain(s string, i, end int) int {
	if end == i {
		return i
	}
	switch strings.ToLower(s[strings.LastIndexByte(s[:end], '.')+1 : end]) {
	case "png", "jpg", "jpeg", "gif", "svg", "webp":
		return i
	}
	return end
}

// spelled is an address that was written so that programs do not find it.
var spelled = regexp.MustCompile(`(?i)^[a-z0-9._%+-]{1,64}(?:\s?[\[({]at[\])}]\s?| at )(?:[a-z0-9-]{1,63}(?:\s?[\[({]dot[\])}]\s?| dot )){1,4}[a-z]{2,24}\b|^[a-z0-9._%+-]{1,64}\s?[\[({]at[\])}]\s?(?:[a-z0-9-]{1,63}\.){1,4}[a-z]{2,24}\b`)

// spelledWindow holds an address that is spelled out.
const spelledWindow = 160
