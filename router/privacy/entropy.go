package privacy

import (
	"math"
	"strings"
)

// Bounds of a random token: base64 or base62 of 15 bytes and more; very long ones
// are data.
const (
	minToken   = 20
	maxToken   = 512
	minEntropy = 3.6 // bits a character; 20 different ones would have 4.3
)

func tokenByte(c byte) bool {
	return alnum(c) || c == '+' || c == '/' || c == '_' || c == '-'
}

// findEntropy finds tokens that look random: small and capital letters and digits
// that change places often, as in no name or path.
func findEntropy(p *page) {
	for i := 0; i < len(p.s); i++ {
		if !tokenByte(p.s[i]) {
			continue
		}
		j := p.run(i, tokenByte)
		if strings.IndexByte("./:", p.before(i)) >= 0 { // of a URL or a path, which has parts
			j = p.run(i, func(c byte) bool { return tokenByte(c) && c != '/' })
		}
		if n := j - i; n >= minToken && n <= maxToken && random(p.s[i:j]) && !strings.HasSuffix(p.s[:i], "base64,") {
			p.add(Secret, i, j)
		}
		i = j
	}
}

func random(t string) bool {
	var count [256]int
	var classes [joint + 1]int
	changes, last := 0, -1
	for i := range len(t) {
		count[t[i]]++
		c := class(t[i])
		classes[c]++
		if last >= 0 && last != joint && c != joint && c != last && !(last == 1 && c == 0) { // a small letter behind a capital one is in every name
			changes++
		}
		last = c
	}
	if classes[0] == 0 || classes[1] == 0 || classes[2] == 0 || changes*10 < len(t)*3 {
		return false
	}
	entropy := 0.0
	for _, n := range count {
		if n > 0 {
			f := float64(n) / float64(len(t))
			entropy -= f * math.Log2(f)
		}
	}
	return entropy >= minEntropy
}

// joint is the class of what joins words in names.
const joint = 4

func class(c byte) int {
	switch {
	case lower(c):
		return 0
	case upper(c):
		return 1
	case digit(c):
		return 2
	case c == '_' || c == '-':
		return joint
	}
	return 3
}
