#!/bin/sh
# A household's application goes through village and township to the five departments of the county: 2 to 20 March 2026.
# Told step by step in village-township-county.md.
set -eu
act() { # PERSON INSTANT WORDS...
    who=$1 at=$2
    shift 2
    lianban "$@" --as "$who" --now "$at" --json > act.json
}
act yang.ayue 2026-03-02T09:00 open homestead --data homestead.json
act mu.chun 2026-03-03T20:00 do 1 group_meeting --data group-meeting.json
act he.shun 2026-03-04T09:00 do 1 publish_notice --set places=村务公开栏,三组活动室 --set contact='和顺 0876-5550210'
act he.shun 2026-03-12T09:00 do 1 village_opinion --data village-opinion.json
act yang.ayue 2026-03-12T15:00 do 1 hand_up --set materials=group-record:和平三组2026-4号,notice-record,village-opinion:和平2026-11号
act he.hua 2026-03-13T09:00 do 1 intake --set outcome=complete
act he.hua 2026-03-13T09:10 do 1 accept --set delivery=agent
act ding.yi 2026-03-16T10:00 do 1 land_station_review --data land-station.json
act qin.he 2026-03-16T11:00 do 1 agri_station_review --data agri-station.json
act gu.feng 2026-03-18T10:00 do 1 inspect_site --data site.json
act hou.jie 2026-03-18T16:00 confirm 1 inspect_site
act qi.zheng 2026-03-20T09:00 do 1 hand_up_county --data county-request.json
