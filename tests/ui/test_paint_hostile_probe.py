from __future__ import annotations
import json, os, sys
from pathlib import Path
import numpy as np
import pytest
from PySide6.QtCore import Qt, QEvent, QMimeData, QUrl, QPointF
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from PySide6.QtGui import QImage, QGuiApplication
from PIL import Image
from studio.editing.edits import remove, set_param
from studio.graph.document import Graph, Node
from tests.ui.mask_kit import paint_graph, write_picture
from tests.ui.test_paint_panel import window, editor_of, opened, agree, drag
from ui.theme import instance

def pump(n=5):
    for _ in range(n):
        QApplication.processEvents()

def test_keys_with_focus_in_canvas(window, qtbot):
    panel = opened(window, qtbot)
    ed = editor_of(window)
    ed.select(["mask"])
    panel.view.setFocus()
    out = []
    for mod in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier):
        for key in list(range(0x30, 0x3a)) + list(range(0x41, 0x5b)) + [Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_Tab, Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Left, Qt.Key.Key_Home, Qt.Key.Key_F2, Qt.Key.Key_F1]:
            k = Qt.Key(key)
            if mod == Qt.KeyboardModifier.ControlModifier and k in (Qt.Key.Key_Q, Qt.Key.Key_S, Qt.Key.Key_O, Qt.Key.Key_W,Qt.Key.Key_N):
                continue
            before = (dict(ed.document.nodes), ed.stack.index(), QApplication.focusWidget())
            QTest.keyClick(panel.view, k, mod)
            pump(2)
            pop = QApplication.activePopupWidget(); modal = QApplication.activeModalWidget()
            fw = QApplication.focusWidget()
            if pop or modal or fw is not panel.view or ed.stack.index()!=before[1] or dict(ed.document.nodes)!=before[0]:
                out.append((mod.name, k.name, pop, modal, type(fw).__name__, before[1], ed.stack.index(), list(ed.document.nodes)))
            if pop: pop.close()
            if modal: modal.close()
            for w in QApplication.topLevelWidgets():
                if w is not window and w.isVisible() and w.isWindow():
                    w.close()
            pump(2)
            if not panel.isVisible():
                out.append("HIDDEN"); window.commands.trigger("paint.open"); pump()
            panel.view.setFocus()
    print(*out, sep="\n")

def test_focus_policies(window, qtbot):
    panel = opened(window, qtbot)
    from PySide6.QtWidgets import QWidget
    for w in panel.findChildren(QWidget):
        if w.isVisible() and w.focusPolicy() & Qt.FocusPolicy.ClickFocus:
            print(type(w).__name__, w.objectName(), w.focusPolicy())

@pytest.mark.parametrize("kind", ["missing","folder","broken","empty","16bit","cmyk","exif","gif","1x1","16384","tall","fifo","surrogate","number","la"])
def test_files(window, qtbot, tmp_path, kind):
    panel = opened(window, qtbot)
    ed = editor_of(window)
    drag(panel, (30, 30), (60, 45))
    p = tmp_path / f"x.png"
    val = str(p)
    if kind == "folder": p.mkdir()
    elif kind == "broken": p.write_bytes((tmp_path/"picture.png").read_bytes()[:200])
    elif kind == "empty": p.write_bytes(b"")
    elif kind == "16bit": Image.fromarray((np.arange(64*48,dtype=np.uint16).reshape(48,64)*21)).save(p)
    elif kind == "cmyk": Image.new("CMYK",(64,48),(10,200,30,40)).save(tmp_path/"x.jpg"); val=str(tmp_path/"x.jpg")
    elif kind == "exif":
        im=Image.new("RGB",(64,48)); ex=im.getexif(); ex[0x112]=6; im.save(tmp_path/"x.jpg",exif=ex); val=str(tmp_path/"x.jpg")
    elif kind == "gif":
        ims=[Image.new("P",(64,48),i) for i in range(3)]; ims[0].save(tmp_path/"x.gif",save_all=True,append_images=ims[1:]); val=str(tmp_path/"x.gif")
    elif kind == "1x1": write_picture(p,1,1)
    elif kind == "16384": write_picture(p,16384,9)
    elif kind == "tall": write_picture(p,3,9000)
    elif kind == "fifo": os.mkfifo(p)
    elif kind == "surrogate": val="\ud800.png"
    elif kind == "number": val=7
    elif kind == "la": Image.new("LA",(64,48),(3,4)).save(p)
    try:
        ed.push(set_param(ed.document,"load","path",val))
    except Exception as e:
        print("REFUSED", kind, type(e), e); return
    qtbot.waitUntil(lambda: panel.bindings.jobs.waiting==0, timeout=10000)
    pump()
    pa = panel.view.painting
    print("RESULT", kind, pa.ready, repr(pa.words), pa.width, pa.height, panel.view.zoom, panel.advice.isVisible(), panel.notice.isVisible() and panel.notice.text())
    if pa.ready:
        n = len(ed.document.nodes["mask"].params["strokes"]["items"])
        drag(panel, (0.2, .2), (pa.width/2, pa.height/2))
        for key in "[]UGLEB":
            QTest.keyClick(panel.view, key)
        for t in ("rectangle","bucket","lasso","brush"):
            panel.settings.tool=t
            drag(panel, (0.1,.1),(pa.width*.3,pa.height*.6),(pa.width,pa.height))
        panel.view.zoom_to(32.0); pump(); panel.view.fit(); pump()
        panel.view.zoom_to(.01); pump(); panel.view.fit()
        agree(panel)
        print("   items", n, len(ed.document.nodes["mask"].params["strokes"]["items"]))
    # back
    ed.push(set_param(ed.document,"load","path",str(tmp_path/"picture.png")))
    qtbot.waitUntil(lambda: panel.view.painting.ready and panel.view.painting.width==128, timeout=10000)
    agree(panel)

HOST = {
 "nan": {"version":1,"items":[{"t":"brush","r":float("nan"),"h":80,"p":[[0,0,255]]}]},
 "type": {"version":1,"items":[{"t":"wobble"}]},
 "list": [1,2,3],
 "str": "hello",
 "num": 5,
 "version": {"version":99,"items":[]},
 "versionitems": {"version":99,"items":[{"t":"fill"}]},
 "noversion": {"items":[{"t":"fill","o":100}]},
 "items_str": {"version":1,"items":"abc"},
 "items_null": {"version":1,"items":None},
 "item_null": {"version":1,"items":[None]},
 "million": {"version":1,"items":[{"t":"brush","r":100,"h":80,"p":[[i%65536,i%65536,255] for i in range(300000)]}]*4},
 "nested": {"version":1,"items":[[[[[[]]]]]]},
 "extra": {"version":1,"items":[],"new":"thing"},
 "huge": {"version":1,"items":[{"t":"brush","r":10**30,"h":80,"p":[[10**30,0,255]]}]},
 "raster": {"version":1,"items":[{"t":"raster","o":100,"hash":"../../etc/passwd"}]},
 "rasterdata": {"version":1,"items":[{"t":"raster","o":100,"hash":"0"*64,"data":"!!!"}]},
}
@pytest.mark.parametrize("kind", HOST)
@pytest.mark.parametrize("param", ["strokes","sketch"])
def test_strokes(window, qtbot, tmp_path, kind, param):
    write_picture(tmp_path/"picture.png")
    f = tmp_path/"g.json"
    from studio.graph.files import dumps
    text = dumps(paint_graph("picture.png"))
    d = json.loads(text)
    d["nodes"]["mask"].setdefault("params",{})[param]=HOST[kind]
    f.write_text(json.dumps(d))
    before = json.loads(f.read_text())["nodes"]["mask"]["params"][param]
    n=len(window.tabs.editors())
    window.tabs.open(f)
    try:
        qtbot.waitUntil(lambda: len(window.tabs.editors())>n, timeout=8000)
    except Exception:
        print("NOTOPENED", kind); return
    pump()
    ed=editor_of(window)
    if "mask" not in ed.document.nodes: print("NOMASK", kind); return
    ed.paint_wanted.emit("mask","mask")
    panel=window.workshop.paint_panel
    pump()
    qtbot.waitUntil(lambda: panel.bindings.jobs.waiting==0 , timeout=60000)
    pump()
    pa=panel.view.painting
    print("STROKES", param, kind, pa.ready, repr(pa.words), len(pa.strokes), panel.notice.isVisible() and panel.notice.text())
    drag(panel,(30,30),(60,45))
    for a in ("invert","fill","clear"):
        panel.do(a)
    panel.incoming.as_mask(tmp_path/"picture.png")
    qtbot.waitUntil(lambda: panel.jobs.waiting==0)
    panel.menu._show()
    print("    remove enabled", panel.menu.acts["remove"].isEnabled(), panel.binding.item_count())
    panel.menu.embed_masks()
    qtbot.waitUntil(lambda: panel.jobs.waiting==0)
    now = ed.document.nodes["mask"].params.get(param)
    if not pa.ready:
        print("    kept:", repr(now)[:80]==repr(before)[:80], ed.stack.index(), repr(now)[:100])
    else:
        print("    now", ed.stack.index(), repr(now)[:200])
