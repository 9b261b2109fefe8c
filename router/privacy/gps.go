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
	decimals = regexp.MustCompile(`^[-+]?\d{1,3}\.\d{4,}\s?°?\s?[NSns]?\s?[,;/ ]\s?[-+]?\d{1,3}\.\d{4,}(?:\s?°)?(?:\s?[EWew]\b)?`)
	places   = regexp.MustCompile(`(?i)^(?:lat(?:itude)?|[北南]?纬度?|[东西]?经度?)\W{0,4}(?:为|是)?\s?[-+]?\d{1,3}(?:\.\d+)?\s?(?:°|度)?\s?[ns]?\W{0,4}(?:lon(?:g|gitude)?|lng|[东西]?经度?|[北南]?纬度?)\W{0,4}(?:为|是)?\s?[-+]?\d{1,3}(?:\.\d+)?(?:\s?(?:°|度))?(?:\s?[ew]\b)?`)
	degrees  = regexp.MustCompile(`^\d{1,2}\s?°\s?\d{1,2}\s?['′’]\s?(?:\d{1,2}(?:\.\d+)?\s?(?:["″”]|''))?\s?[NS]\W{1,4}\d{1,3}\s?°\s?\d{1,2}\s?['′’]\s?(?:\d{1,2}(?:\.\d+)?\s?(?:["″”]|''))?\s?[EW]\b`)
	number   = regexp.MustCompile(`[-+]?\d{1,3}\.\d+`)
)

// placeWindow holds the longest pair.
const placeWindow = 80

func findGPS(p *page) {
	p.each(markPlace, func(m mark) {
		if n := places.FindStringIndex(p.window(m.i, placeWindow)); n != nil {
			p.add(GPS, m.i, m.i+n[1])
		}
	})
	for i := 0; i < len(p.s) && p.err == nil; i++ {
		if !digit(p.s[i]) || digit(p.before(i)) {
			continue
		}
		j := p.run(i, digit)
		if j-i > 3 {
			i = j
			continue
		}
		if end := p.place(i, j); end > 0 {
			i = end
		}
	}
}

// place adds the pair whose first number begins at i, its decimal point or degree
// sign at j, and returns its end.
func (p *page) place(i, j int) int {
	re := decimals
	switch {
	case p.after(j) == '.' && digit(at(p.s, j+1)) && digit(at(p.s, j+4)):
	case strings.HasPrefix(strings.TrimPrefix(p.s[j:min(len(p.s), j+4)], " "), "°"):
		re = degrees
	default:
		return 0
	}
	if c := p.before(i); (c == '-' || c == '+') && !word(at(p.s, i-2)) {
		i--
	}
	if word(p.before(i)) || p.before(i) == '.' {
		return 0
	}
	n := re.FindStringIndex(p.window(i, placeWindow))
	if n == nil || word(p.after(i+n[1])) || re == decimals && !onEarth(p.s[i:i+n[1]]) {
		return 0
	}
	p.add(GPS, i, i+n[1])
	return i + n[1]
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
