"""The names that models and nodes give to boxes, labels and colors in JSON, tables and markup. The first one counts."""

from .loose_json import AGAIN


def _keys(text: str) -> tuple[str, ...]:
    return tuple(text.split())


BOX = _keys(
    "bbox_2d box_2d tgt_bbox target_bbox target_box new_bbox src_bbox bbox bbox_xyxy bbox_xywh box_xywh "
    "bounding_box boundingbox box bndbox bboxes boxes rect region "
    "coordinates coords coordinate position location area xyxy bbox_list 坐标 边界框 方框 位置 "
    "座標 座标 領域 koordinaten boîte coordonnées caja coordenadas 좌표 to polygon polygons segmentation quad"
)
POLYGONS = _keys("polygon polygons segmentation quad")
LABEL = _keys(
    "label desc description name class class_name caption phrase object category hint text entity element item title "
    "content prompt tag 标签 名称 物体 对象 描述 类别 "
    "名前 ラベル 物件 説明 objekt bezeichnung beschreibung objet nom étiquette objeto etiqueta nombre 이름 객체 "
    "target subject part region "
    "text_content instruction type id"
)
COLOR = _keys("color_palette palette color_specs color colour html_web_color_name colors hex fill 颜色 色")
LABEL_LISTS = _keys(
    "labels bboxes_labels text_labels region_captions region_caption_list captions phrases names classes class_names"
)
BOX_LISTS = _keys("bboxes boxes quad_boxes polygons bbox_list region_bboxes_list region_bboxes bounding_boxes bbox")
LEAD = _keys(
    "high_level_description caption global_caption summary description global_description scene "
    "scene_description overview"
)
WRAPPERS = _keys(
    "plan shapes rows objects object detections regions layout items results result predictions annotations elements "
    "data output answer "
    "response layers components entities bounding_boxes boundingboxes metadata attributes"
)
CORNERS = _keys("top_left topleft left_top bottom_right bottomright right_bottom")
POINTS = _keys("point_2d point points keypoints")
SIDES = _keys(
    "xmin ymin xmax ymax x_min y_min x_max y_max x0 y0 x1 y1 x2 y2 x y w h width height left top right bottom cx cy "
    "links oben rechts unten breite höhe gauche haut droite bas"
)
COLUMNS = _keys(
    "label name object description desc phrase item element title what caption class category region thing text"
)
ATTRIBUTES = _keys("label aria-label data-label name alt title desc description phrase id class")
BOX_TAGS = _keys("box bbox bndbox bounding_box boundingbox coordinates position coords")


def plain(key: str) -> str:
    """A key as it is listed here: "Bounding Box" is bounding_box."""
    key = key.partition(AGAIN)[0].strip().lower().replace("-", "_").replace(" ", "_")
    return {"box2d": "box_2d", "bbox2d": "bbox_2d", "point2d": "point_2d"}.get(key, key)
