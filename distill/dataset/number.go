package dataset

import (
	"strconv"
	"strings"
)

var (
	englishSmall = strings.Fields("zero one two three four five six seven eight nine ten eleven twelve " +
		"thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
	englishTens  = strings.Fields("- ten twenty thirty forty fifty sixty seventy eighty ninety")
	chineseDigit = []string{"零", "一", "二", "三", "四", "五", "六", "七", "八", "九"}
)

// englishNumber spells 0..999: "one hundred five", "twenty-five".
func englishNumber(n int) string {
	switch {
	case n < 20:
		return englishSmall[n]
	case n < 100:
		if n%10 == 0 {
			return englishTens[n/10]
		}
		return englishTens[n/10] + "-" + englishSmall[n%10]
	case n < 1000:
		if n%100 == 0 {
			return englishSmall[n/100] + " hundred"
		}
		return englishSmall[n/100] + " hundred " + englishNumber(n%100)
	}
	return strconv.Itoa(n)
}

// chineseNumber spells 0..999: 十五, 二十, 一百零五, 一百二十.
func chineseNumber(n int) string {
	switch {
	case n < 10:
		return chineseDigit[n]
	case n < 20:
		return "十" + ones(n)
	case n < 100:
		return chineseDigit[n/10] + "十" + ones(n)
	case n < 1000:
		rest := n % 100
		head := chineseDigit[n/100] + "百"
		if rest == 0 {
			return head
		}
		if rest < 10 {
			return head + "零" + chineseDigit[rest]
		}
		return head + chineseDigit[rest/10] + "十" + ones(rest)
	}
	return strconv.Itoa(n)
}

func ones(n int) string {
	if n%10 == 0 {
		return ""
	}
	return chineseDigit[n%10]
}
