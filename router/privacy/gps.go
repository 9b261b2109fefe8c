package privacy

import (
	"regexp"
	"strconv"
	"strings"
)

// Coordinates: two numbers with four decimals or more, a latitude and a longitude,
// with or without degree signs and letters; with their names, any decimals do.
// Degrees, minutes and seconds need the letters.
var (
	decimals = regexp.MustCompile(`[-+]?\d{1,3}\.\d{4,}\s?°?\s?[NSns]?\s?[,;/ ]\s?[-+]?\d{1,3}\.\d{4,}(?:\s?°)?(?:\s?[EWew]\b)?`)
	named    = regexp.MustCompile(`(?i)(?:\blat(?:itude)?\b|纬度|北纬|南纬)\W{0,4}(?:为|是)?\s?[-+]?\d{1,3}(?:\.\d+)?\s?(?:°|度)?\s?[ns]?\W{1,4}(?:\blon(?:g|gitude)?\b|\blng\b|经度|东经|西经)\W{0,4}(?:为|是)?\s?[-+]?\d{1,3}(?:\.\d+)?(?:\s?(?:°|度))?(?:\s?[ew]\b)?`)
	reversed = regexp.MustCompile(`(?:东经|西经|经度)\W{0,3}(?:为|是)?\s?\d{1,3}(?:\.\d+)?\s?(?:°|度)?\W{0,4}(?:北纬|南纬|纬度)\W{0,3}(?:为|是)?\s?\d{1,2}(?:\.\d+)?\s?(?:°|度)?`)
	degrees  = regexp.MustCompile(`\d{1,2}\s?°\s?\d{1,2}\s?['′’]\s?(?:\d{1,2}(?:\.\d+)?\s?(?:["″”]|''))?\s?[NS]\W{1,4}\d{1,3}\s?°\s?\d{1,2}\s?['′’]\s?(?:\d{1,2}(?:\.\d+)?\s?(?:["″”]|''))?\s?[EW]\b`)
	number   = regexp.MustCompile(`[-+]?\d{1,3}\.\d+`)
)

func findGPS(p *page) {
	if !strings.ContainsAny(p.s, "0123456789") {
		return
	}
	if strings.Contains(p.s, "°") {
		p.addAll(GPS, degrees)
	}
	if strings.Contains(p.s, "纬") || strings.Contains(p.s, "at") || strings.Contains(p.s, "AT") {
		p.addAll(GPS, named)
		p.addAll(GPS, reversed)
	}
	if !strings.Contains(p.s, ".") {
		return
	}
	for _, m := range decimals.FindAllStringIndex(p.s, -1) {
		i := m[0]
		if c := p.s[i]; (c == '-' || c == '+') && word(p.before(i)) {
			i++
		}
		if word(p.before(i)) || p.before(i) == '.' || word(p.after(m[1])) || !onEarth(p.s[i:m[1]]) {
			continue
		}
		p.add(GPS, i, m[1])
	}
}

// onEarth checks that two numbers can be a latitude and a longitude.
func onEarth(pair string) bool {
	both := number.FindAllString(pair, 2)
	if len(both) != 2 {
		return false
	}
	lat, _ := strconv.ParseFloat(both[0], 64)
	lon, _ := strconv.ParseFloat(both[1], 64)
	return lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180
}

// addAll adds all matches of an expression.
func (p *page) addAll(c Category, re *regexp.Regexp) {
	for _, m := range re.FindAllStringIndex(p.s, -1) {
		p.add(c, m[0], m[1])
	}
}
