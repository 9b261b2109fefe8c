package privacy

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Postal addresses as they are written in English, German, French and Chinese: a
// street with a house number, and what follows of flat, town and postal code.
const (
	streetWord = `(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|place|pl|square|sq|terrace|parkway|pkwy|highway|hwy|crescent|gardens|circle|trail|way|close|row|quay|mews|hill)`
	unit       = `(?:,?\s*(?:apt|apartment|suite|ste|unit|flat|floor|room|#)\.?\s*#?[a-z0-9-]{1,6})?`
	town       = `(?:,\s*[A-Z][a-z.'’-]{1,24}(?:\s[A-Z][a-z.'’-]{1,24}){0,2})?(?:,?\s*(?:[A-Z]{2}\s+)?\d{5}(?:-\d{4})?|,?\s*[A-Z]{1,2}\d[A-Z\d]?\s*\d[A-Z]{2})?`
)

var (
	english     = regexp.MustCompile(`^\d{1,5}[A-Za-z]?(?:-\d{1,4})?,? +(?:[NSEW]\.? +)?((?:[A-Za-z0-9][\w.'’-]* +){1,4})(?i:` + streetWord + `)\b\.?(?:\s+(?:[NSEW]|NW|NE|SW|SE|North|South|East|West)\b)?(?i:` + unit + `)` + town)
	flatBefore  = regexp.MustCompile(`(?i)\b(?:flat|apartment|apt|unit|suite)\s+\w{1,5},\s*$`)
	german      = regexp.MustCompile(`^\.?\s*\d{1,4}\s?[a-z]?\b(?:,?\s*(?:D-)?\d{4,5}\s+[A-ZÄÖÜ]\p{L}+)?`)
	french      = regexp.MustCompile(`^\d{1,4}(?:\s?(?:bis|ter))?,?\s+\p{L}+\s+(?:(?:de|du|des|la|le|les)\s+|de\s+l['’]|d['’]|l['’])*\p{Lu}[\p{L}'’-]+(?:[ -](?:(?:de|du|des|la|le|les)\s)?\p{Lu}[\p{L}'’-]+){0,3}(?:,?\s*\d{5}\s+\p{Lu}[\p{L}'’-]+)?`)
	houseNumber = regexp.MustCompile(`\b\d{1,4}(?:\s?(?:bis|ter))?,?\s+$`)
	poBox       = regexp.MustCompile(`(?i)\bP\.?\s?O\.?\s?Box\s+\d{1,6}\b`)
	rest        = regexp.MustCompile(`^(?:院|大院)?(?:\p{Han}{2,8}?(?:小区|花园|公寓|大厦|苑|广场|家园))?(?:[-A-Za-z0-9一二三四五六七八九十]{1,5}(?:号楼|栋|幢|座|单元|楼|层|室|房|门|号))*(?:\d{3,4}\b)?`)
)

// Bytes around a word that an address may take.
const (
	addressBefore = 90
	addressAfter  = 90
)

func findAddresses(p *page) {
	if !strings.ContainsAny(p.s, "0123456789号栋幢座室弄层楼") {
		return
	}
	p.each(markStreet, p.englishAddress)
	p.each(markGerman, p.germanAddress)
	p.each(markRue, p.frenchAddress)
	p.each(markBox, func(m mark) {
		from := p.backWindow(m.i, 8)
		if n := poBox.FindStringIndex(p.window(from, 32)); n != nil {
			p.add(Address, from+n[0], from+n[1])
		}
	})
	p.each(markHouse, p.chineseAddress)
}

// englishAddress looks for a house number before the word for a street, the nearest
// one first.
func (p *page) englishAddress(m mark) {
	from := p.backWindow(m.i, addressBefore)
	for i, tries := m.i, 0; i > from && tries < 3; i-- {
		if !digit(p.s[i-1]) || word(p.before(i-1)) {
			continue
		}
		tries++
		n := english.FindStringSubmatchIndex(p.window(i-1, m.j-i+addressAfter))
		if n != nil && i-1+n[1] >= m.j && streetName(p.s[i-1+n[2]:i-1+n[3]]) {
			flat := flatBefore.FindStringIndex(p.s[p.backWindow(i-1, 24) : i-1])
			start := i - 1
			if flat != nil {
				start = p.backWindow(i-1, 24) + flat[0]
			}
			p.add(Address, start, i-1+n[1])
			return
		}
	}
}

// streetName refuses what stands between a number and "road" in plain sentences:
// "5 minutes down the road".
func streetName(words string) bool {
	for _, w := range strings.Fields(words) {
		if noStreet[strings.ToLower(strings.Trim(w, ".,"))] {
			return false
		}
	}
	return true
}

var noStreet = set(`the a an of in on to down up along minutes minute hours hour miles mile km meters metres
	and or is are was by per for from with at this that my your his her our their days people cars
	each every no which best better same different one only long percent times more most first any some all`)

// germanStreet is a word such as Hauptstraße, whose number follows.
func germanStreet(w string) bool {
	if r, _ := utf8.DecodeRuneInString(w); len(w) < 6 || !unicode.IsUpper(r) {
		return false
	}
	for _, end := range []string{"straße", "strasse", "str", "weg", "platz", "allee", "gasse", "damm", "ufer", "chaussee", "Straße", "Strasse", "Allee", "Platz"} {
		if strings.HasSuffix(w, end) {
			return true
		}
	}
	return false
}

func (p *page) germanAddress(m mark) {
	if n := german.FindStringIndex(p.window(m.j, addressAfter)); n != nil {
		p.add(Address, m.i, m.j+n[1])
	}
}

// frenchAddress looks for the number right before "rue".
func (p *page) frenchAddress(m mark) {
	from := p.backWindow(m.i, 16)
	n := houseNumber.FindStringIndex(p.s[from:m.i])
	if n == nil {
		return
	}
	i := from + n[0]
	if n := french.FindStringIndex(p.window(i, addressBefore+addressAfter)); n != nil && i+n[1] > m.j {
		p.add(Address, i, i+n[1])
	}
}

// Of a Chinese address: what a house number follows directly, and how much stands
// before it at most, in characters.
var (
	afterStreet   = []string{"路", "街", "大道", "巷", "弄", "胡同", "村", "道", "段"}
	afterCompound = []string{"小区", "花园", "公寓", "大厦", "广场", "苑", "新村", "家园", "社区"}
)

const (
	addressRunes = 40
	numerals     = "0123456789一二三四五六七八九十百"
)

// chineseAddress looks back from the word behind a house number: 建国路88号.
func (p *page) chineseAddress(m mark) {
	i := p.back(m.i, 5, func(r rune) bool { return strings.ContainsRune(numerals, r) })
	if i == m.i {
		return
	}
	before, house := p.s[:i], p.s[m.i:m.j]
	street := (house == "号" || house == "弄") && hasSuffix(before, afterStreet)
	if !street && !hasSuffix(before, afterCompound) {
		return
	}
	from := p.back(i, addressRunes, func(r rune) bool { return unicode.Is(unicode.Han, r) || r < utf8.RuneSelf && digit(byte(r)) })
	for from < i && p.taken[from] { // of what was found before
		_, n := utf8.DecodeRuneInString(p.s[from:])
		from += n
	}
	from += leadIn(p.s[from:i])
	n := rest.FindStringIndex(p.window(m.j, addressAfter))
	p.add(Address, from, m.j+n[1])
}

// back is where a run of at most so many characters that ends at i begins.
func (p *page) back(i, most int, of func(rune) bool) int {
	for range most {
		r, n := utf8.DecodeLastRuneInString(p.s[:i])
		if n == 0 || !of(r) {
			break
		}
		i -= n
	}
	return i
}

func hasSuffix(s string, all []string) bool {
	for _, end := range all {
		if strings.HasSuffix(s, end) {
			return true
		}
	}
	return false
}

// leadIn is how many bytes at the beginning of a Chinese address belong to the
// sentence before it: up to the last verb or preposition in front of the first
// name of a place.
func leadIn(text string) int {
	cut, first := 0, len(text)
	for _, marker := range []string{"省", "市", "区", "县", "镇", "路", "街", "道", "巷", "弄", "村"} {
		if k := strings.Index(text, marker); k >= 0 && k < first {
			first = k
		}
	}
	for i, r := range text[:first] {
		if strings.ContainsRune("在到住址于是至去往寄送给为我家", r) && i+utf8.RuneLen(r) < first {
			cut = i + utf8.RuneLen(r)
		}
	}
	return cut
}
