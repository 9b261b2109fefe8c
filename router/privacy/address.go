package privacy

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// Postal addresses as they are written in English, German, French and Chinese: a
// street with a house number, and what follows of flat, town and postal code.
var (
	streetWord = `(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|place|pl|square|sq|terrace|parkway|pkwy|highway|hwy|crescent|gardens|circle|trail|way|close|row|quay|mews|hill)`
	unit       = `(?:,?\s*(?:apt|apartment|suite|ste|unit|flat|floor|room|#)\.?\s*#?[a-z0-9-]{1,6})?`
	town       = `(?:,\s*[A-Z][a-z.'’-]{1,24}(?:\s[A-Z][a-z.'’-]{1,24}){0,2})?(?:,?\s*(?:[A-Z]{2}\s+)?\d{5}(?:-\d{4})?|,?\s*[A-Z]{1,2}\d[A-Z\d]?\s*\d[A-Z]{2})?`

	english  = regexp.MustCompile(`(?:(?i:flat|apartment|apt|unit|suite)\s+\w{1,5},\s*)?\b\d{1,5}[A-Za-z]?(?:-\d{1,4})?,?\s+(?:[NSEW]\.?\s+)?((?:[A-Za-z0-9][\w.'’-]{0,20}\s+){1,4})(?i:` + streetWord + `)\b\.?(?:\s+(?:[NSEW]|NW|NE|SW|SE|North|South|East|West)\b)?(?i:` + unit + `)` + town)
	german   = regexp.MustCompile(`\b(?:[A-ZÄÖÜ][\p{L}.-]{1,24}\s){0,2}[A-ZÄÖÜ]?[\p{L}-]{1,24}(?:straße|strasse|str\.|Straße|Strasse|Str\.|weg|platz|Platz|allee|Allee|gasse|damm|ufer|chaussee)\s*\d{1,4}\s?[a-z]?\b(?:,?\s*(?:D-)?\d{4,5}\s+[A-ZÄÖÜ]\p{L}{1,24})?`)
	french   = regexp.MustCompile(`\b\d{1,4}(?:\s?(?:bis|ter))?,?\s+(?:rue|avenue|boulevard|place|chemin|allée|impasse|quai|route)\s+(?:(?:de|du|des|la|le|les)\s+|de\s+l['’]|d['’]|l['’])*\p{Lu}[\p{L}'’-]{1,24}(?:[ -](?:(?:de|du|des|la|le|les)\s)?\p{Lu}[\p{L}'’-]{1,24}){0,3}(?:,?\s*\d{5}\s+\p{Lu}[\p{L}'’-]{1,24})?`)
	poBox    = regexp.MustCompile(`(?i)\bP\.?\s?O\.?\s?Box\s+\d{1,6}\b`)
	chinese  = regexp.MustCompile(`[\p{Han}0-9]{0,30}?\p{Han}{1,8}(?:路|街|大道|巷|弄|胡同|村|道)(?:[东南西北中一二三四五六七八九十]{0,2}段)?[0-9一二三四五六七八九十百]{1,5}(?:号|弄)` + chineseTail)
	compound = regexp.MustCompile(`\p{Han}{2,20}(?:小区|花园|公寓|大厦|广场|苑|新村|家园|社区)[0-9一二三四五六七八九十]{1,4}(?:号楼|栋|幢|座|号|期|层|楼|室)` + chineseTail)
)

// chineseTail is what follows of building, flat and room.
const chineseTail = `(?:院|大院)?(?:[\p{Han}]{2,8}(?:小区|花园|公寓|大厦|苑|广场|家园))?(?:[-A-Za-z0-9一二三四五六七八九十]{1,5}(?:号楼|栋|幢|座|单元|楼|层|室|房|门|号))*(?:\d{3,4}\b)?`

func findAddresses(p *page) {
	if !strings.ContainsAny(p.s, "0123456789号") {
		return
	}
	for _, m := range english.FindAllStringSubmatchIndex(p.s, -1) {
		if streetName(p.s[m[2]:m[3]]) {
			p.add(Address, m[0], m[1])
		}
	}
	p.addAll(Address, german)
	p.addAll(Address, french)
	p.addAll(Address, poBox)
	if strings.Contains(p.s, "号") || strings.ContainsAny(p.s, "栋幢座室层楼弄") {
		for _, re := range []*regexp.Regexp{chinese, compound} {
			for _, m := range re.FindAllStringIndex(p.s, -1) {
				p.add(Address, m[0]+leadIn(p.s[m[0]:m[1]]), m[1])
			}
		}
	}
}

// streetName refuses what stands between a number and "road" in plain sentences:
// "5 minutes down the road".
func streetName(words string) bool {
	for _, w := range strings.Fields(words) {
		switch strings.ToLower(strings.Trim(w, ".,")) {
		case "the", "a", "an", "of", "in", "on", "to", "down", "up", "along", "minutes", "minute", "hours", "hour", "miles", "mile", "km", "meters", "metres",
			"and", "or", "is", "are", "was", "by", "per", "for", "from", "with", "at", "this", "that", "my", "your", "his", "her", "our", "their", "days", "people", "cars",
			"each", "every", "no", "which", "best", "better", "same", "different", "one", "only", "long", "percent", "times", "more", "most", "first", "any", "some", "all":
			return false
		}
	}
	return true
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
