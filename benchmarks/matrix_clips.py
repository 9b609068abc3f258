"""Awkward clips for the matrix, each made by FFmpeg with one property that real clips have and programs often mishandle."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import imageio_ffmpeg

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
MASTER = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=800,200"
_PQ = "-vf setparams=range=tv:color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc"
_HLG = "-vf setparams=range=tv:color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc"
_FULL = "scale=out_range=full:out_color_matrix=bt709,setparams=range=pc:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
_X264 = "-c:v libx264 -crf 12 -threads 1"
_X265 = "log-level=error:hdr10=1"
_AAC = "-c:a aac -b:a 96k"
_ALPHA = "geq=r='X':g='2*Y':b='200-X':a='128+120*sin((X+4*N)/20)'"
_SRT = "1\n00:00:00,100 --> 00:00:00,500\nfirst words\n\n2\n00:00:00,700 --> 00:00:01,100\nthe <i>second</i>\n"
_CHAPTERS = ";FFMETADATA1\n" + "".join(
    f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={n * 400}\nEND={n * 400 + 400}\ntitle=part {n}\n" for n in range(3))

# PIC is 30 frames of a moving test card of 160x96, SND a tone of 1.2 s.
CLIPS: dict[str, str] = {
    "interlaced.mp4": f"PIC@50 -vf tinterlace=interleave_top,fieldorder=tff {_X264} -flags +ildct+ilme -x264-params tff=1",
    "interlaced_bff.ts": "PIC@50 -vf tinterlace=interleave_bottom,setfield=bff -c:v mpeg2video -q:v 2 -flags +ildct+ilme",
    "chapters.mkv": f"PIC SND CHAPTERS -map 0 -map 1 -map_chapters 2 {_X264} {_AAC}",
    "chapters.mp4": f"PIC SND CHAPTERS -map 0 -map 1 -map_chapters 2 {_X264} {_AAC}",
    "open_gop.mp4": f"PIC {_X264} -x264-params open-gop=1:keyint=8:bframes=3:scenecut=0",
    "open_gop.ts": f"PIC SND {_X264} -x264-params open-gop=1:keyint=8:bframes=3:scenecut=0 -c:a mp2",
    "timecode.mov": f"PIC {_X264} -timecode 01:00:00:00",
    "timecode_drop.mov": f"PIC@30000/1001 {_X264} -timecode 00:00:59;20",
    "alpha_prores4444.mov": "ALPHA -c:v prores_ks -profile:v 4444 -pix_fmt yuva444p10le",
    "alpha_ffv1.mkv": "ALPHA -c:v ffv1 -level 3 -pix_fmt yuva420p",
    "alpha_vp9.webm": "ALPHA -c:v libvpx-vp9 -crf 10 -b:v 0 -pix_fmt yuva420p -auto-alt-ref 0",
    "alpha_tags.webm": "ALPHA -vf setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709 -c:v libvpx-vp9 -crf 10 "
                       "-b:v 0 -pix_fmt yuva420p -auto-alt-ref 0",
    "alpha_png.mov": "ALPHA -c:v png -pix_fmt rgba",
    "twelve_bit.mkv": "PIC -c:v ffv1 -level 3 -pix_fmt yuv444p12le",
    "twelve_bit_hevc.mp4": "PIC -c:v libx265 -crf 8 -pix_fmt yuv422p12le -x265-params log-level=error -tag:v hvc1",
    # These two get their matrix afterwards; in 4:2:0 the chroma of a rotated frame lies between the old samples.
    "mirrored.mp4": f"PIC {_X264} -pix_fmt yuv444p",
    "interlaced_later.ts": "PIC -c:v mpeg2video -q:v 2 -bf 0",  # an interlaced part is added
    "rotated.mp4": f"PIC {_X264} -pix_fmt yuv444p",
    "sound_tracks.mkv": "PIC SND SND SND -map 0 -map 1 -map 2 -map 3 " + _X264 + " -c:a:0 aac -c:a:1 flac -c:a:2 libopus "
                        "-metadata:s:a:0 language=fra -metadata:s:a:1 language=deu -metadata:s:a:2 language=spa "
                        "-metadata:s:a:2 title=Comments -disposition:a:0 default -disposition:a:2 comment",
    "sound_pcm.mov": f"PIC SND {_X264} -c:a pcm_s24le",
    "sound_mp3.avi": "PIC SND -c:v mpeg4 -q:v 2 -c:a libmp3lame",
    "sound_adpcm.avi": "PIC SND -c:v mpeg4 -q:v 2 -c:a adpcm_ms",
    "subtitles.mkv": f"PIC SND SRT -map 0 -map 1 -map 2 {_X264} {_AAC} -c:s srt -metadata:s:s:0 language=fra "
                     "-disposition:s:0 forced",
    "subtitles.mp4": f"PIC SRT -map 0 -map 1 {_X264} -c:s mov_text -metadata:s:s:0 language=fra",
    "attachment.mkv": f"PIC -attach FONT -metadata:s:t mimetype=application/x-truetype-font {_X264}",
    "cover.mp4": f"PIC COVER -map 0 -map 1 {_X264} -c:v:1 mjpeg -disposition:v:1 attached_pic",
    "anamorphic.mp4": f"PIC -vf setsar=16/11 {_X264}",
    "odd.mkv": "PIC -vf scale=161:97,setsar=1 -c:v ffv1 -level 3",
    "late_start.mp4": f"PIC SND {_X264} {_AAC} -output_ts_offset 2.5",
    "late_sound.mp4": f"PIC -itsoffset 0.217 SND -map 0 -map 1 {_X264} {_AAC}",
    "late_picture.mkv": f"-itsoffset 0.3 PIC SND -map 0 -map 1 {_X264} {_AAC}",
    "edit_list.mp4": f"PIC SND {_X264} -g 30 {_AAC}",  # cut afterwards, between two keyframes
    "size_change.ts": f"PIC {_X264}",  # a larger part is added afterwards
    "hdr_pq.mp4": f"PIC -c:v libx265 -crf 8 -pix_fmt yuv420p10le {_PQ} -tag:v hvc1 -x265-params {_X265}:{MASTER}",
    "hdr_hlg.mov": f"PIC -c:v prores_ks -profile:v hq -pix_fmt yuv422p10le {_HLG}",
    "full_range.mp4": f"PIC -vf {_FULL} -pix_fmt yuv420p {_X264}",
    "full_range_mjpeg.avi": "PIC -c:v mjpeg -q:v 2 -pix_fmt yuvj422p",
    "chroma_topleft.mp4": f"PIC -c:v libx265 -crf 8 -chroma_sample_location topleft -tag:v hvc1 -x265-params {_X265}",
    "chroma_topleft.webm": "PIC -c:v libvpx-vp9 -crf 10 -b:v 0 -chroma_sample_location topleft",
    "chroma_center.mkv": f"PIC {_X264} -chroma_sample_location center",
    "four_two_two.mov": "PIC -vf setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709 -c:v prores_ks "
                        "-profile:v standard -pix_fmt yuv422p10le",
    "dnxhr.mov": "PIC -vf scale=320:192 -c:v dnxhd -profile:v dnxhr_hqx -pix_fmt yuv422p10le",
    "bt601.mov": "PIC -vf scale=320:192,setparams=color_primaries=smpte170m:color_trc=smpte170m:colorspace=smpte170m "
                 f"{_X264}",
    "uneven.mp4": "PIC -vf settb=1/90000,setpts=PTS+1440*mod(N\\,3) -fps_mode passthrough -enc_time_base 1/90000 "
                  f"-video_track_timescale 90000 {_X264}",
    "plain.webm": "PIC SND -c:v libvpx-vp9 -crf 10 -b:v 0 -c:a libopus",
    "vorbis.webm": "PIC SND -c:v libvpx -crf 10 -b:v 1M -c:a libvorbis",
    "late.m2ts": f"PIC SND {_X264} -c:a mp2 -mpegts_m2ts_mode 1",
    "late.vob": "PIC SND -c:v mpeg2video -q:v 2 -c:a mp2 -f vob",
    "late.mkv": f"PIC SND {_X264} {_AAC} -output_ts_offset 3600",
    "late.webm": "PIC SND -c:v libvpx-vp9 -crf 10 -b:v 0 -c:a libopus -output_ts_offset 900",
    "late.flv": f"PIC SND {_X264} {_AAC} -output_ts_offset 500",
    "hours.ts": f"PIC SND {_X264} {_AAC} -output_ts_offset 7200",
    # A transport stream's clock begins again after 95443.7 s; with the muxer's delay of 1.4 s these do so after ten frames.
    "wrap.ts": f"PIC SND {_X264} -bf 0 -c:a mp2 -output_ts_offset 95441.9 -f mpegts",
    "wrap_bframes.m2ts": f"PIC SND {_X264} -c:a mp2 -mpegts_m2ts_mode 1 -output_ts_offset 95441.9 -f mpegts",
    "wrap.vob": "PIC SND -c:v mpeg2video -q:v 2 -c:a mp2 -output_ts_offset 95442.9 -f vob",
    "whole_flagged.mp4": f"PIC -vf setfield=tff {_X264} -flags +ildct+ilme -x264-params tff=1",
    "combed.mp4": f"PIC@50 -vf tinterlace=interleave_top,setfield=prog {_X264}",
    "pulldown.mp4": f"PIC@24000/1001 -vf telecine=first_field=top:pattern=23 {_X264} -flags +ildct+ilme -x264-params tff=1",
    "pulldown_ten_bits.mov": "PIC@24000/1001 -vf telecine=first_field=top:pattern=23 -c:v prores_ks -profile:v hq "
                             "-pix_fmt yuv422p10le -flags +ildct",
    "overstated.mp4": f"PIC SND {_X264} {_AAC} -movflags +faststart",  # its mdat gets 8 bytes more than it has
    "plain.ts": f"PIC SND {_X264} {_AAC}",
    "plain.avi": "PIC SND -c:v mpeg4 -q:v 2 -c:a pcm_s16le",
    "xvid_bframes.avi": "PIC -c:v mpeg4 -q:v 2 -bf 2",
    "one_frame.mp4": f"PIC -frames:v 1 {_X264}",
    "sound_pcm24.mp4": f"PIC SND {_X264} -c:a pcm_s24be -f mov",  # as cameras name it
    "sound_pcm24.mxf": "PIC SND -c:v mpeg2video -q:v 2 -c:a pcm_s24le",
    "sound_pcm51.mkv": f"PIC SND {_X264} -c:a pcm_s16le -ac 6",
    "sound_bluray.m2ts": f"PIC SND {_X264} -c:a pcm_bluray -ac 2",
    "sound_wma.wmv": "PIC SND -c:v wmv2 -q:v 2 -c:a wmav2 -ac 2",
    "sound_wma.avi": "PIC SND -c:v mpeg4 -q:v 2 -c:a wmav2 -ac 2",
    "sound_dts.mkv": f"PIC SND {_X264} -c:a dca -strict -2 -ac 2",
    "sound_truehd.mkv": f"PIC SND {_X264} -c:a truehd -strict -2 -ac 2",
    "sound_mulaw.mov": f"PIC SND {_X264} -c:a pcm_mulaw",
    "two_videos.mp4": f"PIC PIC SND -map 0 -map 1 -map 2 {_X264} {_AAC} -s:v:1 96x64",
    "two_videos.mkv": f"PIC PIC SND -map 0 -map 1 -map 2 {_X264} {_AAC} -s:v:1 96x64",
    "two_videos.ts": f"PIC PIC SND -map 0 -map 1 -map 2 {_X264} {_AAC} -s:v:1 96x64",
    "phone_data.mp4": f"PIC SRT -map 0 -map 1 {_X264} -c:s mov_text",  # the tags of these two are changed afterwards
    "unknown_subtitles.mkv": f"PIC SRT -map 0 -map 1 {_X264} -c:s srt",
    "side_by_side.mp4": f"PIC {_X264} -x264-params frame-packing=3",
    "stereo.mkv": f"PIC {_X264} -metadata:s:v stereo_mode=top_bottom",
    "palette.gif": "PIC -c:v gif -pix_fmt rgb8",
    "odd.gif": "PIC -vf scale=161:97,setsar=1 -c:v gif -pix_fmt rgb8",
    "raw.h264": f"PIC@30000/1001 {_X264} -x264-params bframes=3:keyint=8:open-gop=1:scenecut=0",
    "raw.hevc": "PIC@30000/1001 -c:v libx265 -crf 8 -x265-params log-level=error:bframes=3:keyint=8",
    "raw_ten_bits.265": "PIC -c:v libx265 -crf 8 -pix_fmt yuv420p10le -x265-params log-level=error:vui-timing-info=0 -f hevc",
    "raw.m2v": "PIC@30000/1001 -c:v mpeg2video -q:v 2 -bf 2 -g 8",
    "raw.m1v": "PIC -c:v mpeg1video -q:v 2 -bf 2 -g 8",
    "raw.m4v": "PIC -c:v mpeg4 -q:v 2 -bf 2 -g 8 -f m4v",
    "raw.obu": "PIC -c:v libsvtav1 -crf 10 -preset 12 -svtav1-params enable-overlays=0 -f obu",
    "raw.ivf": "PIC@30000/1001 -c:v libvpx-vp9 -crf 10 -b:v 0",
    "raw.mjpeg": "PIC -c:v mjpeg -q:v 2 -pix_fmt yuvj422p -f mjpeg",
    "raw.vc2": "PIC -c:v vc2 -strict -1",
    "tape.dv": "PIC SND -vf scale=720:576,setsar=16/15 -c:v dvvideo -ac 2 -r 25",
    "repeats.ogv": "PIC -vf fps=25/2,fps=25 -c:v libtheora -q:v 9",  # every second picture repeats the one before, without data
    "sound_side.ts": f"PIC SND {_X264} -af pan=5.0(side)|c0=c0|c3=c0 -c:a aac",
    "plain.y4m": "PIC@24000/1001 -pix_fmt yuv444p",
    "photo.jpg": "PIC -frames:v 1 -q:v 2 -update 1 -pix_fmt yuvj420p",
    "photo.png": "PIC -frames:v 1 -update 1 -pix_fmt rgb24",
    "photo.tif": "PIC -frames:v 1 -update 1 -pix_fmt rgb24",
    "photo.webp": "PIC -frames:v 1 -c:v libwebp -lossless 1 -update 1 -pix_fmt bgra",
    "animated.png": "PIC -c:v apng -f apng -pix_fmt rgb24",
    "sound_late_noise.mp4": f"PIC SND {_X264} -c:a ac3",  # a packet in the middle of the sound is changed afterwards
    "alpha_twelve_bit.mkv": "ALPHA -c:v ffv1 -level 3 -pix_fmt yuva444p12le",
}
_PATCHED = {"phone_data.mp4": ((b"tx3g", b"mebx"), (b"sbtl", b"meta")),
            "unknown_subtitles.mkv": ((b"S_TEXT/UTF8", b"S_TEXT/ZZZZ"),)}
"""Clips in which bytes are replaced, for what FFmpeg does not write."""
_COPIED = {"edit_list.mp4": ("-ss", "0.5"), "mirrored.mp4": ("-display_hflip",), "rotated.mp4": ("-display_rotation", "90")}
"""Clips that are copied once more, with these options for reading."""

CODECS = {"twelve_bit.mkv": ("ffv1", "hevc"), "four_two_two.mov": ("prores", "ffv1"), "dnxhr.mov": ("dnxhr", "ffv1"),
          "open_gop.mp4": ("hevc", "vp9", "av1"), "full_range.mp4": ("ffv1", "av1", "prores"), "uneven.mp4": ("prores", "hevc"),
          "chroma_topleft.mp4": ("h264", "ffv1", "av1"), "odd.mkv": ("ffv1", "prores", "vp9"),
          "bt601.mov": ("dnxhr", "prores")}
"""Clips that are written by these codecs too."""


def make_clips(folder: Path, names: list[str]) -> list[Path]:
    """Write the clips of these names (keys of `CLIPS`) into `folder` and return their paths."""
    words = folder / "words.srt"
    words.write_text(_SRT)
    chapters = folder / "chapters.txt"
    chapters.write_text(_CHAPTERS)
    font = folder / "font.ttf"
    font.write_bytes(b"\0\1\0\0" + bytes(range(256)) * 4)
    cover = folder / "cover.jpg"
    _run(["-f", "lavfi", "-i", "testsrc2=s=64x64", "-frames:v", "1", "-update", "1", str(cover)])
    files = {"FONT": str(font), "SRT": str(words), "CHAPTERS": str(chapters), "COVER": str(cover)}
    return [_make(folder, name, CLIPS[name], files) for name in names]


def _make(folder: Path, name: str, arguments: str, files: dict[str, str]) -> Path:
    words: list[str] = []
    tones = 0
    for word in arguments.split():
        head, _, rate = word.partition("@")
        if head == "PIC":
            words += ["-f", "lavfi", "-i", f"testsrc2=s=160x96:r={rate or 25},trim=end_frame={60 if rate == '50' else 30}"]
        elif head == "ALPHA":
            words += ["-f", "lavfi", "-i", f"color=black:s=160x96:r=25,format=rgba,{_ALPHA},trim=end_frame=30"]
        elif word == "SND":
            tones += 1
            words += ["-f", "lavfi", "-i", f"sine=f={220 * tones}:r=48000:d=1.2"]
        elif word in ("SRT", "CHAPTERS", "COVER"):
            words += ["-i", files[word]]
        else:
            words.append(files.get(word, word))
    if "-pix_fmt" not in words:
        words += ["-pix_fmt", "yuv420p"]
    path = folder / name
    _run([*words, str(path)])
    if name in _COPIED:
        whole = path.rename(folder / f"whole_{name}")
        _run([*_COPIED[name], "-i", str(whole), "-c", "copy", str(path)])
        whole.unlink()
    if name == "sound_late_noise.mp4":
        data = path.read_bytes()
        places = [at.start() for at in re.finditer(rb"\x0b\x77", data)]  # where frames of AC-3 begin
        at = places[len(places) // 2]
        path.write_bytes(data[:at] + bytes(100) + data[at + 100:])
    if name == "overstated.mp4":
        data = bytearray(path.read_bytes())
        at = data.index(b"mdat") - 4
        data[at : at + 4] = (int.from_bytes(data[at : at + 4], "big") + 8).to_bytes(4, "big")
        path.write_bytes(data)
    for before, after in _PATCHED.get(name, ()):
        path.write_bytes(path.read_bytes().replace(before, after))
    if name in ("size_change.ts", "interlaced_later.ts"):
        how = (["-c:v", "libx264"] if name == "size_change.ts" else
               ["-vf", "scale=160:96,setfield=tff", "-c:v", "mpeg2video", "-q:v", "2", "-bf", "0", "-flags", "+ildct+ilme"])
        _run(["-f", "lavfi", "-i", "testsrc2=s=192x128:r=25,trim=end_frame=10", *how, "-pix_fmt", "yuv420p",
              "-output_ts_offset", "1.4", str(folder / "more.ts")])
        path.write_bytes(path.read_bytes() + (folder / "more.ts").read_bytes())
        (folder / "more.ts").unlink()
    return path


def _run(arguments: list[str]) -> None:
    subprocess.run([FFMPEG, "-hide_banner", "-loglevel", "error", "-y", *arguments], check=True)
