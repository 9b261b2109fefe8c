package privacy

import (
	"cmp"
	"errors"
	"slices"

	"github.com/a472be26/cusp/router/match"
)

// Category is a kind of personal data.
type Category string

// Categories, as the configuration, receipts and placeholders name them.
const (
	Email   Category = "email"
	Phone   Category = "phone"
	Card    Category = "card" // payment card
	IBAN    Category = "iban"
	Address Category = "address" // postal
	Name    Category = "name"    // of a person
	ID      Category = "id"      // a person's number with a state
	IP      Category = "ip"
	MAC     Category = "mac"
	GPS     Category = "gps"
	Secret  Category = "secret" // passwords, keys, tokens
)

// Categories are all of them, in the order of reports.
var Categories = []Category{Email, Phone, Card, IBAN, Address, Name, ID, IP, MAC, GPS, Secret}

// Finding is text[From:To] of that category.
type Finding struct {
	Category Category
	From, To int
}

// detectors in the order of precedence: of two that want the same text the first
// one has it. Each takes linear time.
var detectors = []func(*page){
	findKeys, findEmails, findPasswords, findIBANs, findNetwork, findGPS, findNumbers, findAddresses, findNames, findEntropy,
}

// errTooDense means that a text would take too long to search.
var errTooDense = errors.New("the text has too many places to search")

// Find returns what is found in a text, in the order of the text and without
// overlaps. An error means that the search was given up.
func Find(text string) ([]Finding, error) {
	folded := match.Fold(text)
	p := &page{s: folded.Text, taken: make([]bool, len(folded.Text))}
	p.read()
	for _, detect := range detectors {
		if detect(p); p.err != nil {
			return nil, p.err
		}
	}
	slices.SortFunc(p.found, func(a, b Finding) int { return cmp.Compare(a.From, b.From) })
	for i, f := range p.found {
		p.found[i].From, p.found[i].To = folded.Span(f.From, f.To)
	}
	return p.found, nil
}

// page is a folded text that is being read.
type page struct {
	s     string
	marks []mark
	taken []bool // bytes that are in a finding
	found []Finding
	work  int
	err   error
}

// add takes s[i:j], if nothing of it is taken yet.
func (p *page) add(c Category, i, j int) {
	if i >= j || slices.Contains(p.taken[i:j], true) {
		return
	}
	for k := i; k < j; k++ {
		p.taken[k] = true
	}
	p.found = append(p.found, Finding{c, i, j})
}

// Bytes of folded texts. Other scripts than ASCII part words: a number may stand
// between two Chinese characters.

func digit(c byte) bool { return c >= '0' && c <= '9' }
func upper(c byte) bool { return c >= 'A' && c <= 'Z' }
func lower(c byte) bool { return c >= 'a' && c <= 'z' }
func alpha(c byte) bool { return upper(c) || lower(c) }
func alnum(c byte) bool { return digit(c) || alpha(c) }
func hex(c byte) bool   { return digit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }
func word(c byte) bool  { return alnum(c) || c == '_' }

// before and after are the bytes around a position, a space at the ends.
func (p *page) before(i int) byte { return at(p.s, i-1) }
func (p *page) after(j int) byte  { return at(p.s, j) }

func at(s string, i int) byte {
	if i < 0 || i >= len(s) {
		return ' '
	}
	return s[i]
}

// run is how far bytes of a kind go on from i.
func (p *page) run(i int, kind func(byte) bool) int {
	for i < len(p.s) && kind(p.s[i]) {
		i++
	}
	return i
}
