#!/bin/sh
# The main job, from an empty file to a proven history: `make demo`.
# One enterprise start-up application, four departments in parallel, one of them on a condition, one hand-over; the
# clock of the decision stands still for an expert review and is extended once.
set -eu
LIANBAN_DB=${LIANBAN_DB:-demo.db}
export LIANBAN_DB
rm -f "$LIANBAN_DB" "$LIANBAN_DB-wal" "$LIANBAN_DB-shm"

run() {
    printf '\n$ lianban'
    for word in "$@"; do
        case $word in
        *[!A-Za-z0-9_./:=+-]*) printf " '%s'" "$word" ;;
        *) printf ' %s' "$word" ;;
        esac
    done
    printf '\n'
    lianban "$@"
}

# act PERSON INSTANT WORDS...: somebody does something at an instant of the rehearsal
act() {
    who=$1 at=$2
    shift 2
    run --as "$who" --now "$at" "$@"
}

run --now 2026-03-02T08:30 init --rehearsal
run item list

act chen.jing 2026-03-02T09:00 open enterprise-startup \
    --set company_name=示例县春城生态农业有限公司 --set company_type=limited --set registered_capital=200 \
    --set address=示例县城关镇文化路18号 --set business_scope=蔬菜、水果的种植和销售 \
    --set legal_representative=张明 --set applicant=张明 --set id_number=539901198506150031 \
    --set phone=0876-5550101 --set seals=3 --set employees=12 --set vat_taxpayer=small --set channel=counter
act chen.jing 2026-03-02T09:10 do 1 intake --set outcome=complete \
    --set 'materials=公司章程 1份,股东身份证明 2份,住所使用证明 1份,任职文件 1份'
act chen.jing 2026-03-02T09:20 do 1 accept --set delivery=in_person
act zhou.ting 2026-03-02T10:00 inbox
act zhou.ting 2026-03-02T10:00 sign 1 tax_review
act zhou.ting 2026-03-02T10:30 answer 1 tax_review --set opinion=agree
act wang.lei 2026-03-02T11:00 answer 1 samr_review --set opinion=agree --set basis=市场主体登记管理条例第十九条
act liu.yang 2026-03-02T15:00 answer 1 hrss_review --set opinion=conditions \
    --set conditions=开业之日起三十日内办理参保登记
run --now 2026-03-02T16:00 show 1
act yang.fan 2026-03-03T09:00 answer 1 psb_review --set opinion=agree
act wang.lei 2026-03-03T10:00 pause 1 --ground expert-review --expected 5wd --reason 经营范围涉及新业态
act wang.lei 2026-03-10T09:00 resume 1 --reason 评审意见已出具
act zhao.guoqiang 2026-03-10T10:00 extend 1 --by 3wd --reason 股权结构复杂
run --now 2026-03-10T11:00 clock explain 1 decision
act zhao.guoqiang 2026-03-10T11:00 inbox
act zhao.guoqiang 2026-03-11T10:00 do 1 decide --set decision=grant
act wang.lei 2026-03-11T10:30 do 1 issue_licence \
    --set licence_number=91539901MA6KA00015 --set established=2026-03-11
act zhou.ting 2026-03-11T11:00 do 1 tax_registration --set certificate_number=SW-2026-0001
act liu.yang 2026-03-11T14:10 do 1 insurance_registration --set certificate_number=SB-2026-0001
act yang.fan 2026-03-11T15:00 do 1 seal_record --set certificate_number=YZ-2026-0001
act li.na 2026-03-11T16:00 do 1 hand_over --set recipient=张明 --set method=in_person \
    --set items=营业执照,印章备案回执,税务登记信息确认单,社会保险登记表

run history 1
run replay 1
run report accountability 1
run verify
printf '\nThe office is in %s: try  lianban --db %s show 1\n' "$LIANBAN_DB" "$LIANBAN_DB"
