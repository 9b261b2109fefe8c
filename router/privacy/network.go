package privacy

import (
	"net/netip"
	"strings"
)

// findNetwork finds IP and MAC addresses. Addresses that are the same everywhere
// (loopback, any, masks, broadcast) say nothing of anybody.
func findNetwork(p *page) {
	for i := 0; i < len(p.s); i++ {
		c := p.s[i]
		if !hex(c) && c != ':' || word(p.before(i)) || p.before(i) == ':' {
			continue
		}
		if j := mac(p.s, i); j > 0 {
			p.add(MAC, i, j)
			i = j
			continue
		}
		if digit(c) && p.before(i) != '.' {
			if j := ipv4(p.s, i); j > 0 && !version(p.s[:i]) {
				p.add(IP, i, j)
				i = j
				continue
			}
		}
		j := i
		for j < len(p.s) && j-i < 46 && (hex(p.s[j]) || p.s[j] == ':' || p.s[j] == '.') {
			j++
		}
		if ipv6(p.s[i:j]) && !word(p.after(j)) {
			p.add(IP, i, i+len(strings.TrimRight(p.s[i:j], ".")))
		}
		i = max(i, j-1)
	}
}

// ipv4 is where the address at i ends, 0 if there is none.
func ipv4(s string, i int) int {
	j := i
	for j < len(s) && j-i < 16 && (digit(s[j]) || s[j] == '.') {
		j++
	}
	text := strings.TrimRight(s[i:j], ".")
	a, err := netip.ParseAddr(text)
	if err != nil || common(a) || word(at(s, i+len(text))) {
		return 0
	}
	return i + len(text)
}

func ipv6(text string) bool {
	text = strings.TrimRight(text, ".")
	if strings.Count(text, ":") < 2 || !strings.ContainsAny(text, "0123456789") {
		return false // or a::b, which is code
	}
	a, err := netip.ParseAddr(text)
	return err == nil && !common(a)
}

// common is an address that many machines have.
func common(a netip.Addr) bool {
	if a.Is4() && (a.As4()[0] == 255 || a.As4()[0] == 0) {
		return true
	}
	return a.IsLoopback() || a.IsUnspecified()
}

// version reports whether what comes next is a version: four numbers with dots
// may be one.
func version(before string) bool {
	before = strings.ToLower(strings.TrimRight(before[max(0, len(before)-24):], " :=-#"))
	for _, w := range []string{"version", "ver", "v", "release", "firmware", "build", "版本", "版本号", "版本是", "固件", "section", "sec", "chapter", "rfc"} {
		if rest, ok := strings.CutSuffix(before, w); ok && (w[0] >= 0x80 || !word(at(rest, len(rest)-1))) {
			return true
		}
	}
	return false
}

// mac is where the address at i ends: six pairs with : or - between them, or three
// groups of four with dots; 0 if there is none.
func mac(s string, i int) int {
	for _, form := range []struct{ groups, size int }{{6, 2}, {3, 4}} {
		if j := grouped(s, i, form.groups, form.size); j > 0 {
			return j
		}
	}
	return 0
}

func grouped(s string, i, groups, size int) int {
	j, sep := i, byte(0)
	digits, same := false, true
	for g := range groups {
		if g > 0 {
			c := at(s, j)
			if sep == 0 {
				sep = c
			}
			if c != sep || (size == 2) != (c == ':' || c == '-') || size == 4 && c != '.' {
				return 0
			}
			j++
		}
		for range size {
			c := at(s, j)
			if !hex(c) {
				return 0
			}
			digits, same, j = digits || digit(c), same && c == s[i], j+1
		}
	}
	if !digits || same || word(at(s, j)) || at(s, j) == sep && hex(at(s, j+1)) {
		return 0 // all the same: broadcast or unset
	}
	return j
}
